"""What becomes of rows of typed files: refused, rescued or accepted, and their copies in JSON."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.typed_decoding import a_contract, decode, reasons, texts, values
from transforms.decode.kernel.codes import DUPLICATE_KEY
from transforms.decode.typed.copies import copies
from transforms.decode.typed.decoder import TypedDecoder

NESTED = {"items": [{"id": "int64!", "tags": ["string"], "at": {"x": "int8"}}]}
ITEM = pa.struct(
    {"id": pa.int64(), "tags": pa.list_(pa.string()), "at": pa.struct({"x": pa.int64(), "y": pa.string()})}
)


def rescued(columns: dict[str, Any], arrays: dict[str, pa.Array], **options: Any) -> list[Any]:
    decoded = decode(columns, arrays, **options)
    return [text and json.loads(text) for text in decoded.rescued.to_pylist()]


def test_decode_missing_column_is_null_and_missing_where_required() -> None:
    assert decode({"a": "int8", "b": [{"c": "int8!"}]}, {}).columns.to_pylist() == []
    arrays = {"x": pa.array([1, 2])}
    assert (
        decode({"a": "int8", "b": [{"c": "int8!"}]}, arrays).columns.to_pylist()
        == [{"a": None, "b": None}] * 2
    )
    assert reasons({"a": "int8!"}, arrays) == [("missing_required", "a")] * 2


def test_decode_names_are_matched_exactly() -> None:
    arrays = {"A": pa.array([1]), "a ": pa.array([2]), "": pa.array([3]), "\0": pa.array([4])}
    assert rescued({"a": "int8"}, arrays) == [{"A": 1, "a ": 2, "['']": 3, "\0": 4}]


def test_decode_rows_are_refused_for_their_first_reason_in_contract_order() -> None:
    columns = {"a": {"b": "int8", "c": "string!"}, "d": "bool"}
    wrong = pa.array([{"b": 300, "c": None}, {"b": 1, "c": None}, None, {"b": 1, "c": "x"}])
    arrays = {"d": pa.array([1, 1, 1, None]), "a": wrong}
    expected = [("out_of_range", "a.b"), ("missing_required", "a.c"), ("type_mismatch", "d"), None]
    assert reasons(columns, arrays) == expected


def test_decode_refusals_in_elements_reach_their_record() -> None:
    rows: list[Any] = [
        [{"id": 1, "tags": ["a"], "at": {"x": 1}}, {"id": 2, "tags": None, "at": {"x": 200}}],
        [],
        None,
        [{"id": None, "tags": [], "at": None}],
        [None],
        [{"id": 5, "tags": [None, "b"], "at": {"x": None, "y": "new"}}],
    ]
    arrays = {"items": pa.array([[{"id": None}], *rows], pa.list_(ITEM))[1:]}
    assert reasons(NESTED, arrays) == [
        ("out_of_range", "items[].at.x"),
        None,
        None,
        ("missing_required", "items[].id"),
        None,
        None,
    ]
    decoded = decode(NESTED, arrays)
    kept = [{"id": 5, "tags": [None, "b"], "at": {"x": None}}]
    assert decoded.columns.field("items").to_pylist()[4:] == [[None], kept]
    assert decoded.rescued.to_pylist()[5] == '{"items[0].at.y":"new"}'


def test_decode_values_behind_a_null_struct_or_list_are_not_there() -> None:
    ids = pa.array([None, 300, 2])
    structs = pa.StructArray.from_arrays([ids], ["a"], mask=pa.array([True, True, False]))
    assert values({"a": "int8!"}, structs) == [None, None, {"a": 2}]
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 3]), ids, mask=pa.array([True, False]))
    assert values(["int8!"], lists) == [None, [2]]
    assert texts({"s": structs}) == ["{}", "{}", '{"s":{"a":2}}']


def test_rescue_keeps_what_does_not_fit_by_path() -> None:
    arrays = {
        "a": pa.array([1, 300, None]),
        "b": pa.array([{"c": "x", "d": [1.5, None]}, {"c": None, "d": None}, None]),
        "items": pa.array([[{"x": "no"}, {"x": "\n"}], None, [None, {"x": None}]]),
    }
    columns = {"a": "int8", "b": {"c": "bool"}, "items": [{"x": "int8"}]}
    assert rescued(columns, arrays, on_mismatch="rescue") == [
        {"b.c": "x", "b.d": [1.5, None], "items[0].x": "no", "items[1].x": "\n"},
        {"a": 300},
        None,
    ]
    columns_of = decode(columns, arrays, on_mismatch="rescue").columns.to_pylist()
    assert columns_of[0] == {"a": 1, "b": {"c": None}, "items": [{"x": None}, {"x": None}]}
    assert columns_of[1]["a"] is None


def test_rescue_leaves_required_values_to_the_quarantine() -> None:
    columns = {"a": "int8!", "b": ["int8!"], "c": ["int8"]}
    arrays = {
        "a": pa.array([300, 1, 1]),
        "b": pa.array([[1], [300], [1]]),
        "c": pa.array([None, None, [7, 300]]),
    }
    found = reasons(columns, arrays, on_mismatch="rescue")
    assert found == [("out_of_range", "a"), ("out_of_range", "b[]"), None]
    assert rescued(columns, arrays, on_mismatch="rescue")[2] == {"c[1]": 300}


def test_rescue_of_a_whole_list_or_struct() -> None:
    columns = {"a": ["int8"], "b": {"c": "int8"}}
    arrays = {"a": pa.array([{"k": 1}, None]), "b": pa.array([[1, 2], None])}
    assert rescued(columns, arrays, on_mismatch="rescue") == [{"a": {"k": 1}, "b": [1, 2]}, None]
    assert reasons(columns, arrays) == [("type_mismatch", "a"), None]


@pytest.mark.parametrize("option", ["rescue", "add", "ignore", "fail"])
def test_decode_new_columns_count_where_they_have_values(option: str) -> None:
    arrays = {"a": pa.array([1, 2]), "new": pa.array([None, [1]]), "none": pa.nulls(2)}
    nested = {"a": pa.array([1, 1]), "s": pa.array([{"b": 1, "c": None}, {"b": 1, "c": 2}])}
    found = rescued({"a": "int8"}, arrays, on_new_column=option)
    assert found == [None, {"new": [1]} if option in ("rescue", "add") else None]
    refused = [None, ("unknown_field", "")] if option == "fail" else [None, None]
    assert reasons({"a": "int8"}, arrays, on_new_column=option) == refused
    refused = [None, ("unknown_field", "s")] if option == "fail" else [None, None]
    assert reasons({"a": "int8", "s": {"b": "int8"}}, nested, on_new_column=option) == refused


def test_decode_duplicate_names_refuse_all_rows() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    assert TypedDecoder(a_contract({"b": "int8"}), 64).decode(batch).verdicts.tolist() == [DUPLICATE_KEY]
    assert copies(batch, np.zeros(1, np.int64)).to_pylist() == [b'{"a":1,"a":2}']
    structs = pa.StructArray.from_arrays([pa.array([1, 2])] * 2, ["x", "x"], mask=pa.array([False, True]))
    assert reasons({"s": {"x": "int8"}}, {"s": structs}) == [("duplicate_key", "s"), None]


def test_decode_types_of_more_levels_than_allowed_are_too_deep() -> None:
    array = pa.array([[[[1]]], None])
    assert reasons({"a": "json"}, {"a": array}, max_nesting=2) == [("too_deep", ""), None]
    assert reasons({"b": "json"}, {"a": array}, max_nesting=2, on_new_column="ignore")[0] == ("too_deep", "")
    assert reasons({"a": [[["int8"]]]}, {"a": array}, max_nesting=2) == [None, None]
    assert reasons({"a": "json"}, {"a": array}, max_nesting=3) == [None, None]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array(['a"b\\c\n\x01é😀\x7f']), '"a\\"b\\\\c\\n\\u0001é😀\x7f"'),
        (pa.array([b"\0\xff"]), '"AP8="'),
        (pa.array([b"ab"], pa.binary(2)), '"YWI="'),
        (pa.array([True]), "true"),
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([0.1]), "0.1"),
        (pa.array([-0.0]), "-0.0"),
        (pa.array([3.0, 0.5])[:1], "3.0"),
        (pa.array([1e22]), "10000000000000000000000.0"),
        (pa.array([-55480956873205152.0]), "-55480956873205152.0"),
        (pa.array([1e39]), "1e+39"),
        (pa.array([0.1], pa.float32()), "0.10000000149011612"),
        (pa.array([np.float16(0.1)], pa.float16()), "0.0999755859375"),
        (pa.array([Decimal("-1.50")]), "-1.50"),
        (pa.array([Decimal("1E-9")], pa.decimal128(12, 10)), "1.0E-9"),
        (
            pa.array([datetime(2021, 7, 21, 6, tzinfo=UTC)], pa.timestamp("ms", "Asia/Tokyo")),
            '"2021-07-21T06:00:00.000Z"',
        ),
        (pa.array([1], pa.timestamp("ns")), '"1970-01-01T00:00:00.000000001"'),
        (pa.array([date(2021, 7, 21)]), '"2021-07-21"'),
        (pa.array([date(2021, 7, 21)], pa.date64()), '"2021-07-21"'),
        (pa.array([1]).view(pa.date64()), '"1970-01-01T00:00:00.001"'),
        (pa.array([time(1, 2, 3, 4)]), '"01:02:03.000004"'),
        (pa.array([1500], pa.duration("ms")), '"1500 ms"'),
        (pa.array([pa.MonthDayNano([1, -2, 3])]), '{"months":1,"days":-2,"nanoseconds":3}'),
        (pa.array([[1, None]]), "[1,null]"),
        (pa.array([{"a": 1, "b": None, "c\n": [{"d": None}]}]), '{"a":1,"c\\n":[{}]}'),
        (pa.array([[("a", 1), ("b", None)]], pa.map_(pa.string(), pa.int8())), '{"a":1,"b":null}'),
        (
            pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int8())),
            '[{"key":"a","value":1},{"key":"a","value":2}]',
        ),
        (pa.array([[(1, "x")]], pa.map_(pa.int8(), pa.string())), '[{"key":1,"value":"x"}]'),
        (pa.array([["a", "b"]], pa.list_(pa.string(), 2)), '["a","b"]'),
        (pa.array(["a"]).dictionary_encode(), '"a"'),
    ],
)
def test_json_column_holds_the_text_of_any_value(array: pa.Array, text: str) -> None:
    json.loads(text)
    around = pa.concat_arrays([array, pa.nulls(1, array.type), array])
    assert values("json", around[1:]) == [None, text]
    if not pa.types.is_map(array.type):
        assert texts({"v": around}) == [f'{{"v":{text}}}', "{}", f'{{"v":{text}}}']
    assert rescued({"a": "int8"}, {"v": around[1:]}) == [None, {"v": json.loads(text)}]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"a": [1, 2.50]}', '{"a": [1, 2.50]}'),
        (" [1,\n 2]\t\n", "[1,\n 2]"),
        ("1e400", "1e400"),
        ("null", None),
        ('"x"', '"x"'),
        ("", "<unparsable>"),
        ("x", "<unparsable>"),
        ('1,"x":2', "<unparsable>"),
        ('1,"v":2', "<unparsable>"),
        ("1}", "<unparsable>"),
        ('1}\n{"v":2', "<unparsable>"),
        ('"a\nb"', "<unparsable>"),
        ("[" * 65 + "]" * 65, "<too_deep>"),
    ],
)
def test_json_column_takes_text_that_says_it_is_json_where_it_is(text: str, kept: str | None) -> None:
    array = pa.array([None, text, None], pa.json_())[1:]
    assert values("json", array) == [kept, None]
    assert values("string", array) == [text, None]
    (copy, _) = texts({"v": array})
    assert "\n" not in copy
    as_it_is = kept == text and text[0] != '"'
    assert json.loads(copy)["v"] == (json.loads(text) if as_it_is or kept == "<too_deep>" else text)


def test_copies_tell_maps_by_their_entries() -> None:
    maps = pa.array([[("a", 1), ("b", None)], [], None], pa.map_(pa.string(), pa.int8()))
    entries = '[{"key":"a","value":1},{"key":"b"}]'
    assert texts({"m": maps}) == [f'{{"m":{entries}}}', '{"m":[]}', "{}"]


def test_json_column_takes_other_text_as_a_string() -> None:
    assert values("json", pa.array(['{"a": 1}', "x", None])) == ['"{\\"a\\": 1}"', '"x"', None]


def test_json_column_required_is_missing_where_its_text_is_null() -> None:
    array = pa.array(["null", "1"], pa.json_())
    assert reasons({"a": "json!"}, {"a": array}) == [("missing_required", "a"), None]


def test_copies_tell_values_that_json_has_no_word_for() -> None:
    arrays = {
        "f": pa.array([math.nan, math.inf, -math.inf]),
        "t": pa.array([2**62, 253_402_300_800, None], pa.timestamp("s")),
    }
    found = [json.loads(text) for text in texts(arrays)]
    assert [one["f"] for one in found] == ["NaN", "Infinity", "-Infinity"]
    assert "out of range" in found[0]["t"]


def test_copies_take_the_rows_that_are_asked_for() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1, 2, 3], "b": [["x"], [], ["y", "z"]]})
    found = copies(batch, np.array([2, 0]))
    assert found.type == pa.large_binary()
    assert found.to_pylist() == [b'{"a":3,"b":["y","z"]}', b'{"a":1,"b":["x"]}']
    assert copies(batch, np.empty(0, np.int64)).to_pylist() == []
    assert copies(pa.RecordBatch.from_pydict({}), np.empty(0, np.int64)).to_pylist() == []


def test_decode_columns_of_the_contracts_types_are_not_copied() -> None:
    batch = {"a": pa.array([1, 2]), "t": pa.array([1, 2], pa.timestamp("us", "UTC")), "f": pa.array([1.5, 2])}
    columns = decode({"a": "int64!", "t": "timestamp[us, UTC]", "f": "float64"}, batch).columns
    for name, array in batch.items():
        assert columns.field(name).buffers()[1].address == array.buffers()[1].address


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_decode_unions_and_runs_in_null_structs_are_null(mode: str) -> None:
    children = [pa.array([1, 2]), pa.array(["x", "y"], pa.string_view())]
    codes, places = pa.array([0, 1], pa.int8()), pa.array([0, 1], pa.int32())
    union = (
        pa.UnionArray.from_sparse(codes, children)
        if mode == "sparse"
        else pa.UnionArray.from_dense(codes, places, children)
    )
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array([7]))
    structs = pa.StructArray.from_arrays([union, runs], ["u", "r"], mask=pa.array([True, False]))
    assert values({"u": "json", "r": "int8!"}, structs) == [None, {"u": '"y"', "r": 7}]
    assert texts({"s": structs}) == ["{}", '{"s":{"u":"y","r":7}}']
