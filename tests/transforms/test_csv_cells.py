"""CSV: what its cells become, held against JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.csv_tables import cell, conform_csv
from tests.transforms.decoding import a_pipeline, conform
from tests.transforms.text_framing import cells, read_text
from transforms.errors import RecordRefusedError

COLUMNS = {"id": "int64!", "n": "float64", "name": "string", "ok": "bool", "day": "date", "any": "json"}
values = {
    "id": st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False),
    "n": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "name": st.text(min_size=1),
    "ok": st.booleans(),
    "day": st.dates().map(str) | st.text(min_size=1),
    "any": st.booleans()
    | st.none()
    | st.integers()
    | st.lists(st.integers() | st.text())
    | st.dictionaries(st.text(), st.text()),
}
records = st.fixed_dictionaries({"id": values["id"]}, optional={k: v for k, v in values.items() if k != "id"})


def as_cell(row: Mapping[str, Any], name: str) -> str:
    """A value between quotes; nothing at all where there is none."""
    if name not in row:
        return ""
    is_text = isinstance(row[name], str) and name != "any"
    text = row[name] if is_text else json.dumps(row[name], ensure_ascii=False)
    return '"' + text.replace('"', '""') + '"'


@settings(max_examples=150)
@given(st.lists(records, min_size=1, max_size=6), st.sampled_from(["quarantine", "rescue"]))
def test_conform_of_cells_gives_what_json_gives(rows: list[Mapping[str, Any]], on_mismatch: str) -> None:
    pipeline = a_pipeline(COLUMNS, on_mismatch=on_mismatch)
    lines = [json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") for row in rows]
    text = "".join(",".join(as_cell(row, name) for name in COLUMNS) + "\n" for row in rows)

    of_lines = conform(pipeline, lines)
    of_cells = conform_csv(pipeline, text.encode("utf-8", "surrogatepass"), ",".join(COLUMNS).encode())

    assert of_cells.accepted.drop("_rescued").equals(of_lines.accepted.drop("_rescued"))
    assert [json.loads(one or "{}") for one in of_cells.accepted["_rescued"]] == [
        json.loads(one or "{}") for one in of_lines.accepted["_rescued"]
    ]
    names = ["_line", "reason", "column"]
    assert of_cells.rejected.select(names).sort("_line").equals(of_lines.rejected.select(names).sort("_line"))


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("int64", b"12", 12),
        ("int64", b'"12"', 12),
        ("int64", b"1e3", 1000),
        ("int64", b"", None),
        ("int64", b'""', "<type_mismatch>"),
        ("int64", b" 12", "<type_mismatch>"),
        ("int64", b"+12", "<type_mismatch>"),
        ("int64", b"012", "<type_mismatch>"),
        ("int64", b"1.5", "<type_mismatch>"),
        ("int8", b"300", "<out_of_range>"),
        ("float64", b"1.5", 1.5),
        ("float64", b"NaN", "<type_mismatch>"),
        ("float64", b"true", "<type_mismatch>"),
        ("string", b"12", "12"),
        ("string", b"", None),
        ("string", b'""', ""),
        ("string", b"null", "null"),
        ("string", b" a ", " a "),
        ("string", b"a\\nb", "a\\nb"),
        ("string", b'"a\r\nb"', "a\r\nb"),
        ("string", b'"say ""hi"""', 'say "hi"'),
        ("string", b"\xff", "<invalid_utf8>"),
        ("string", b'"\xc3"', "<invalid_utf8>"),
        ("string", b'a"b', "<malformed_csv>"),
        ("string", b'"a"b', "<malformed_csv>"),
        ("string", b"a\rb", "<malformed_csv>"),
        ("string", b"a,b", "<malformed_csv>"),
        ("bool", b"true", True),
        ("bool", b'"false"', False),
        ("bool", b"True", "<type_mismatch>"),
        ("date", b"2026-01-31", "2026-01-31"),
        ("date", b"20260131", "<unparsable>"),
        ("timestamp[us, UTC]", b"1700000000", "<unparsable>"),
        ({"type": "timestamp[us, UTC]", "epoch": "s"}, b"0", "1970-01-01 00:00:00+00:00"),
        ({"type": "timestamp[us, UTC]", "epoch": "s"}, b"1970-01-01T00:00:00Z", "1970-01-01 00:00:00+00:00"),
        ("binary", b"aGk=", b"hi"),
        ("binary", b"aGk", "<unparsable>"),
        ("dictionary", b'"a""b"', 'a"b'),
        ("time", b"12:30:00.5", "12:30:00.500000"),
        ("decimal(4,2)", b"12.5", "12.50"),
        ("json", b"[1]", "[1]"),
        ("json", b"true", "true"),
        ("json", b"false", "false"),
        ("json", b"1.50", "1.50"),
        ("json", b'"{""a"": ""x""}"', '{"a": "x"}'),
        ("json", b'" {""a"":\r\n 1} "', '{"a":\r\n 1}'),
        ("json", b'"""x"""', '"x"'),
        ("json", b"true", "true"),
        ("json", b"false", "false"),
        ("json", b"null", None),
        ("json", b"nil", "<unparsable>"),
        ("json", b'""', "<unparsable>"),
        ("json", b"1 2", "<unparsable>"),
        ("json", b'"[1]]"', "<unparsable>"),
        ("json", b'"""a\nb"""', "<unparsable>"),
        ("json", b"[" * 65 + b"]" * 65, "<too_deep>"),
    ],
)
def test_conform_reads_a_cell_as_its_column_is(kind: Any, text: bytes, wanted: Any) -> None:
    found = cell(kind, text)

    is_plain = wanted is None or isinstance(found, bytes | bool | int | float | str)
    assert (found if is_plain else str(found)) == wanted


def test_conform_takes_the_declared_nulls_and_booleans() -> None:
    pipeline = a_pipeline(
        {"a": "string", "ok": "bool"},
        source={"uri": "x.csv", "csv": {"nulls": ["", "NULL", "n/a"], "booleans": ["ja", "nein"]}},
    )

    chunk = conform_csv(pipeline, b'NULL,ja\n"NULL",nein\nNULL ,n/a\n,\nn/a,"ja"\nx,true\n', b"a,ok")

    assert chunk.accepted.select("a", "ok").rows() == [
        (None, True), ("NULL", False), ("NULL ", None), (None, None), (None, True)
    ]  # fmt: skip
    assert chunk.rejected.select("reason", "column").rows() == [("type_mismatch", "ok")]


def test_conform_maps_cells_by_the_header_of_the_file() -> None:
    pipeline = a_pipeline({"a": "int64", "b": "string!", "c": "string"})

    chunk = conform_csv(pipeline, b"x,1\n,2\n", b"b,a")

    assert chunk.accepted.select("a", "b", "c").rows() == [(1, "x", None)]
    assert chunk.rejected.select("reason", "column").rows() == [("missing_required", "b")]


@pytest.mark.parametrize("header", [b"x,y", b"A", b" a", b"", b"\x00"])
@pytest.mark.parametrize("options", [{}, {"on_new_column": "fail"}, {"on_mismatch": "rescue"}])
def test_conform_with_a_header_that_names_no_column_refuses_all_records(header: bytes, options: Any) -> None:
    chunk = conform_csv(a_pipeline({"a": "int64"}, **options), b"1,2\n3\n", header)

    assert chunk.accepted.height == 0
    assert chunk.rejected.select("reason", "column", "raw").rows() == [
        ("unknown_header", None, b"1,2"), ("unknown_header", None, b"3")
    ]  # fmt: skip


def test_conform_without_a_header_takes_the_columns_in_order() -> None:
    chunk = conform_csv(a_pipeline({"a": "int64", "b": "string"}), b"1,x\n2\n3,y,z\n", None)

    assert chunk.accepted.select("a", "b").rows() == [(1, "x")]
    assert chunk.rejected["reason"].to_list() == ["malformed_csv", "malformed_csv"]


def test_conform_rescues_what_has_no_column() -> None:
    pipeline = a_pipeline({"a": "int64", "b": "date"}, on_mismatch="rescue")

    chunk = conform_csv(
        pipeline,
        b'1,2026-01-01,"say ""hi""\t\x01\n",7\nx\\y,"no ""day""",,\n99999999999999999999,,u,v\n',
        b'a,b,new,"o\'clock ""x"""',
    )

    assert chunk.accepted.select("a").rows() == [(1,), (None,), (None,)]
    assert [json.loads(one) for one in chunk.accepted["_rescued"]] == [
        {"new": 'say "hi"\t\x01\n', "['o'clock \"x\"']": "7"},
        {"a": "x\\y", "b": 'no "day"'},
        {"new": "u", "['o'clock \"x\"']": "v", "a": 99999999999999999999},
    ]


def test_conform_ignores_what_has_no_column_where_told() -> None:
    chunk = conform_csv(a_pipeline({"a": "int64"}, on_new_column="ignore"), b"1,x\n", b"a,new")

    assert chunk.accepted.rows() == [(1,)]


def test_conform_fails_where_told_at_a_value_without_a_column_and_not_at_null() -> None:
    pipeline = a_pipeline({"a": "int64"}, on_new_column="fail")

    chunk = conform_csv(pipeline, b"1,\n", b"a,new")

    assert chunk.accepted.rows() == [(1,)]
    with pytest.raises(RecordRefusedError):
        conform_csv(pipeline, b"1,x\n", b"a,new")


def test_conform_of_much_to_rescue_finds_room() -> None:
    pipeline = a_pipeline({"a": "int64"})
    long = "\x01" * 100_000

    chunk = conform_csv(pipeline, f'1,"""{long}"\n'.encode() * 3, b"a,new")

    assert [json.loads(one) for one in chunk.accepted["_rescued"]] == [{"new": f'"{long}'}] * 3


def test_conform_refuses_cells_for_structs_and_lists() -> None:
    pipeline = a_pipeline({"a": {"x": "int64!"}, "b": ["int64"], "c": "string"})

    chunk = conform_csv(pipeline, b",,x\n1,,y\n,[1],z\n", b"a,b,c")

    assert chunk.accepted.select("a", "b", "c").rows() == [(None, None, "x")]
    assert chunk.rejected.select("reason", "column").rows() == [
        ("type_mismatch", "a"),
        ("type_mismatch", "b"),
    ]


@pytest.mark.parametrize(
    ("encoding", "good", "bad"),
    [
        ("cp1252", b"caf\xe9", b"\x81"),
        ("shift_jis", "ア".encode("shift_jis"), b"\x85\xff"),
        ("ascii", b"a", b"\xc3\xa9"),
        ("utf-16-le", "ア".encode("utf-16-le"), b"\x00\xd8"),
    ],
)
def test_conform_of_bytes_that_are_no_text_in_the_encoding_refuses_their_record(
    encoding: str, good: bytes, bad: bytes
) -> None:
    head, end = "a\n".encode(encoding), "\n".encode(encoding)

    found = read_text(head + good + end + bad + end + good + end, cells(), encoding=encoding)

    pipeline = a_pipeline({"a": "string"})
    chunk = conform_csv(pipeline, b"".join(one + b"\n" for one in found.texts), b"a")
    assert chunk.accepted["a"].to_list() == [good.decode(encoding)] * 2
    assert chunk.rejected["reason"].to_list() == ["invalid_utf8"]
