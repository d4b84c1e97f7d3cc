"""Whole records: what is accepted, what is refused verbatim and where, what is rescued."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from tests.transforms.decoding import a_pipeline, conform, frame_of, padded, reasons, rows
from transforms.conform import DROPPED, FIRST_EXPECTATION, QUARANTINED, READ, Conformer
from transforms.errors import ExpectationError, ExpectationFailedError, RecordRefusedError

ID = {"id": "int64!"}


@pytest.mark.parametrize(
    ("line", "reason", "column"),
    [
        (b"null", "not_an_object", None),
        (b"[]", "not_an_object", None),
        (b"5", "not_an_object", None),
        (b'"text"', "not_an_object", None),
        (b'[{"id":1}]', "not_an_object", None),
        (b'{"id":1', "malformed_json", None),
        (b"{", "malformed_json", None),
        (b"}", "malformed_json", None),
        (b'{"id":1}}', "malformed_json", None),
        (b'{"id":1} x', "malformed_json", None),
        (b'{"id":1,}', "malformed_json", None),
        (b'{"id" 1}', "malformed_json", None),
        (b'{"id":}', "malformed_json", None),
        (b"{id:1}", "malformed_json", None),
        (b"{'id':1}", "malformed_json", None),
        (b'{"id":01}', "malformed_json", None),
        (b'{"id":1.}', "malformed_json", None),
        (b'{"id":.5}', "malformed_json", None),
        (b'{"id":+1}', "malformed_json", None),
        (b'{"id":1,"x":"\t"}', "malformed_json", None),
        (b'{"id":1,"x":"\\x"}', "malformed_json", None),
        (b'{"id":1,"x":"\\u12g4"}', "malformed_json", None),
        (b'{"id":1,"x":"\x00"}', "malformed_json", None),
        (b'{"id":1,"x":"\xff"}', "invalid_utf8", None),
        (b'{"id":1,"x":"\xc0\x80"}', "invalid_utf8", None),
        (b'{"id":1,"x":"\xed\xa0\x80"}', "invalid_utf8", None),
        (b'{"id":1,"x":"\xf4\x90\x80\x80"}', "invalid_utf8", None),
        (b'{"id":1,"\xe2\x82":2}', "invalid_utf8", None),
        (b'{"id":1,"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_deep", None),
        (b'{"id":1,"x":' + b"[" * 10_000, "too_deep", None),
        (b'{"id":1,"id":2}', "duplicate_key", "id"),
        (b'{"id":1,"\\u0069d":2}', "duplicate_key", "id"),
        (b"{}", "missing_required", "id"),
        (b'{"id":null}', "missing_required", "id"),
        (b'{"id":"1"}', "type_mismatch", "id"),
    ],
)
def test_conform_bad_record_goes_aside_and_its_neighbours_stay(
    line: bytes, reason: str, column: str | None
) -> None:
    chunk = conform(a_pipeline(ID), [b'{"id":1}', line, b'{"id":2}'])

    assert chunk.accepted["id"].to_list() == [1, 2]
    assert chunk.rejected.select("_line", "offset", "reason", "column", "raw").rows() == [
        (1, 9, reason, column, line)
    ]
    assert chunk.counts.tolist() == [[3, 1, 0]]


def test_conform_broken_record_does_not_reach_into_the_next_one() -> None:
    assert reasons(ID, b'{"id":1', b"}", b'{"id":"', b'"}', b"[1", b"]") == [("malformed_json", None)] * 6


def test_conform_broken_record_is_judged_by_its_own_bytes_alone() -> None:
    lines = b'{"id":1,', b'"id":2}', b'{"id":1,', b'"new":2}'
    assert reasons(ID, *lines, on_new_column="fail") == [("malformed_json", None)] * 4


def test_conform_broken_list_at_the_end_of_a_step_takes_no_room_from_the_next_one() -> None:
    columns = {"l": ["int8"], **{f"c{i}": "int8" for i in range(3_997)}}
    conformer = Conformer(a_pipeline(columns), max_nesting=8, positions=False)
    text = b'{"c0":1}\n' * 1_999 + b'{"l":[\n' + b"1," * 100_000 + b"\n"

    chunks = conformer.conform(padded(text), len(text), np.zeros(1, np.int64)).chunks

    assert [chunk.counts.tolist() for chunk in chunks] == [[[2_000, 1, 0]], [[1, 1, 0]]]


def test_conform_blank_lines_and_carriage_returns_are_no_records() -> None:
    chunk = conform(a_pipeline(ID), [b"", b'{"id":1}\r', b" \t\r", b"", b'  {"id":2}  ', b"x\r"])

    assert chunk.accepted["id"].to_list() == [1, 2]
    assert chunk.rejected.select("_line", "raw").rows() == [(5, b"x")]
    assert chunk.counts[0, READ] == 3


def test_conform_keys_in_any_order_and_spelling_find_their_column() -> None:
    line = b'{ "b" : {"y":2,"x":1} , "\\u0061":"text" }'
    assert rows({"a": "string", "b": {"x": "int8", "y": "int8"}}, line, on_new_column="ignore") == [
        {
            "a": "text",
            "b": {"x": 1, "y": 2},
        }
    ]


def test_conform_unknown_fields_are_rescued_by_path_and_verbatim() -> None:
    line = (
        b'{"id":1,"x":{"k": [1, "\\u00e9"]},"a":{"y":1.50,"q.r":2,"":3},'
        b'"l":[{},{"z":null}],"m":[[{"w":true}]]}'
    )
    columns = {**ID, "a": {"b": "int8"}, "l": [{"c": "int8"}], "m": [[{"d": "int8"}]]}

    (row,) = rows(columns, line)

    assert row["_rescued"] == (
        '{"x":{"k": [1, "\\u00e9"]},"a.y":1.50,"a[\'q.r\']":2,"a[\'\']":3,"l[1].z":null,"m[0][0].w":true}'
    )
    assert json.loads(row["_rescued"])["l[1].z"] is None


def test_conform_record_that_fits_rescues_nothing() -> None:
    assert rows(ID, b'{"id":1}') == [{"id": 1, "_rescued": None}]


def test_conform_ignored_fields_leave_no_trace() -> None:
    assert rows(ID, b'{"id":1,"x":2}', on_new_column="ignore") == [{"id": 1}]


def test_conform_mismatches_are_rescued_where_the_contract_says_so() -> None:
    columns = {**ID, "n": "int8", "l": [{"x": "int8"}], "s": {"t": "date"}}
    line = b'{"id":1,"new":0,"n":1.5,"l":[{"x":1},{"x":"two"},7],"s":"text"}'

    (row,) = rows(columns, line, on_mismatch="rescue")

    assert (row["id"], row["n"], row["l"], row["s"]) == (1, None, [{"x": 1}, {"x": None}, None], None)
    assert json.loads(row["_rescued"]) == {"new": 0, "n": 1.5, "l[1].x": "two", "l[2]": 7, "s": "text"}


def test_conform_required_mismatch_is_quarantined_even_where_mismatches_are_rescued() -> None:
    assert reasons(ID, b'{"id":1.5}', b'{"x":1}', on_mismatch="rescue") == [
        ("type_mismatch", "id"),
        ("missing_required", "id"),
    ]


def test_conform_refused_record_leaves_no_list_elements_behind() -> None:
    columns = {"l": ["int64"]}
    frame = frame_of(columns, b'{"l":[1,2]}', b'{"l":[3,4],}', b'{"l":[5]}', b'{"l":[6,"x"]}', b'{"l":[7]}')
    assert frame["l"].to_list() == [[1, 2], [5], [7]]


def test_conform_many_elements_and_rescued_fields_find_more_room() -> None:
    long = b",".join(b"%d" % i for i in range(10_000))
    fields = b",".join(b'"field-%d":"%s"' % (i, b"x" * 50) for i in range(2_000))
    (row,) = rows({"l": ["int64"]}, b'{"l":[' + long + b"]," + fields + b"}")
    assert row["l"] == list(range(10_000))
    assert len(json.loads(row["_rescued"])) == 2_000


def test_conform_long_list_does_not_make_room_for_as_long_ones_everywhere() -> None:
    conformer = Conformer(a_pipeline({"l": ["int8"], "m": [["int8"]]}), max_nesting=8, positions=False)
    long = b'{"l":[' + b",".join([b"1"] * 300_000) + b"]}\n"
    short = b'{"l":[1],"m":[[2]]}\n' * 20_000

    for text, height in ((long, 1), (short, 20_000), (long, 1)):
        (chunk,) = conformer.conform(padded(text), len(text), np.zeros(1, np.int64)).chunks
        assert chunk.accepted.height == height


def test_conform_wide_contract_is_taken_in_steps_that_lose_nothing() -> None:
    columns = {f"c{i}": "int64" for i in range(3_000)}
    lines = [b'{"c%d":%d}' % (i % 3_000, i) for i in range(6_000)]
    text = b"".join(line + b"\n" for line in lines)
    conformer = Conformer(a_pipeline(columns), max_nesting=8, positions=False)

    chunks = conformer.conform(padded(text), len(text), np.zeros(1, np.int64)).chunks

    assert len(chunks) > 1
    total = pl.concat(chunk.accepted for chunk in chunks)
    assert total.drop("_rescued").sum_horizontal().to_list() == list(range(6_000))


def test_conform_parts_of_several_files_are_told_apart() -> None:
    text = b'{"id":1}\n\nbad\n' + b'\n{"id":2}\n' + b"worse\n"
    starts = np.array([0, 14, 24], np.int64)
    conformer = Conformer(a_pipeline(ID), max_nesting=8, positions=True)

    conformed = conformer.conform(padded(text), len(text), starts)

    (chunk,) = conformed.chunks
    assert conformed.line_counts.tolist() == [3, 2, 1]
    assert chunk.accepted.select("_part", "_line", "id").rows() == [(0, 0, 1), (1, 1, 2)]
    assert chunk.rejected.select("_part", "_line", "offset").rows() == [(0, 2, 10), (2, 0, 24)]
    assert chunk.counts[:, READ].tolist() == [2, 1, 1]
    assert chunk.counts[:, QUARANTINED].tolist() == [1, 0, 1]


def test_conform_expectations_act_in_order_on_what_is_left() -> None:
    expectations = [
        {"name": "positive", "expect": "id > 0", "action": "quarantine"},
        {"name": "small", "expect": "id < 100", "action": "drop"},
        {"name": "even", "expect": "id % 2 = 0", "action": "warn"},
    ]
    lines = [b'{"id":-7}', b'{"id":2}', b'{"id":3}', b'{"id":101}']

    chunk = conform(a_pipeline(ID, expectations=expectations), lines)

    assert chunk.accepted["id"].to_list() == [2, 3]
    assert chunk.rejected.select("reason", "raw").rows() == [("expectation:positive", b'{"id":-7}')]
    assert chunk.counts[0, [READ, QUARANTINED, DROPPED]].tolist() == [4, 1, 1]
    assert chunk.counts[0, FIRST_EXPECTATION:].tolist() == [1, 1, 1]


def test_conform_null_does_not_meet_an_expectation() -> None:
    expectations = [{"name": "named", "expect": "name <> ''", "action": "drop"}]
    assert rows(
        {"name": "string"}, b"{}", b'{"name":"x"}', expectations=expectations, on_new_column="ignore"
    ) == [{"name": "x"}]


def test_conform_failing_expectation_stops_the_batch() -> None:
    pipeline = a_pipeline(ID, expectations=[{"name": "positive", "expect": "id > 0", "action": "fail"}])
    with pytest.raises(ExpectationFailedError, match="positive"):
        conform(pipeline, [b'{"id":0}'])


@pytest.mark.parametrize("expect", ["id >", "nothing > 1", "id + 1", "length(id"])
def test_conform_unusable_expectation_is_refused_before_any_record(expect: str) -> None:
    pipeline = a_pipeline(ID, expectations=[{"name": "wrong", "expect": expect, "action": "drop"}])
    with pytest.raises(ExpectationError, match="wrong"):
        Conformer(pipeline, max_nesting=8, positions=False)


@pytest.mark.parametrize("expect", ["country like 'D%'", "lower(country) = 'de'"])
def test_conform_expectation_of_text_over_a_dictionary_says_how_to_cast_it(expect: str) -> None:
    pipeline = a_pipeline(
        {"country": "dictionary"}, expectations=[{"name": "german", "expect": expect, "action": "drop"}]
    )
    with pytest.raises(ExpectationError, match=r"cast\(NAME as varchar\)"):
        Conformer(pipeline, max_nesting=8, positions=False)


def test_conform_expectation_over_a_dictionary_cast_to_text_is_checked() -> None:
    expect = "country in ('DE', 'AT') and cast(country as varchar) like 'D%' and country > 'A'"
    expectations = [{"name": "german", "expect": expect, "action": "drop"}]
    lines = (b'{"country": "DE"}', b'{"country": "AT"}', b'{"country": "DK"}')

    found = rows({"country": "dictionary"}, *lines, expectations=expectations, on_new_column="ignore")

    assert found == [{"country": "DE"}]


@pytest.mark.parametrize("kind", ["string", "dictionary"])
def test_conform_text_that_no_partition_can_hold_is_quarantined(kind: str) -> None:
    columns = {"kind": kind, "id": "int64"}
    lines = [b'{"kind":""}', b'{"kind":"__HIVE_DEFAULT_PARTITION__"}', b'{"kind":null}', b'{"kind":"x"}']
    pipeline = a_pipeline(columns, table={"partition_by": ["kind"]})

    chunk = conform(pipeline, lines)

    assert chunk.accepted["kind"].to_list() == [None, "x"]
    assert chunk.rejected.select("reason", "column").rows() == [("unstorable_partition_value", "kind")] * 2


@pytest.mark.parametrize(
    ("option", "line"), [("on_mismatch", b'{"id":"x"}'), ("on_new_column", b'{"id":1,"y":2}')]
)
def test_conform_fail_stops_the_batch(option: str, line: bytes) -> None:
    with pytest.raises(RecordRefusedError, match="does not fit"):
        conform(a_pipeline(ID, **{option: "fail"}), [line])


def test_conform_fail_on_mismatch_still_quarantines_what_is_no_json() -> None:
    assert reasons(ID, b"{", on_mismatch="fail") == [("malformed_json", None)]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\n\n", b"\n \r\n"])
def test_conform_keeps_refused_records_of_any_length_verbatim(ending: bytes) -> None:
    records = [b"x" * length for length in range(1, 70)]
    text = b"".join(record + ending for record in records)
    conformer = Conformer(a_pipeline(ID), max_nesting=10, positions=False)

    (chunk,) = conformer.conform(padded(text), len(text), np.zeros(1, np.int64)).chunks

    assert chunk.rejected.sort("offset")["raw"].to_list() == records
