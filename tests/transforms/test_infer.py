"""Contracts from samples: the types that are chosen, and that every sampled record fits them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.column_syntax import format_columns
from tests.transforms.decoding import a_pipeline, conform
from transforms.inference.infer import infer_columns
from transforms.inference.inferred import Inferred

NAMES = st.one_of(
    st.sampled_from(["a", "A", "b", "on", "ts", "@t", "", "a b", "x.y", "_file", "é"]), st.text(max_size=3)
)
TEXTS = st.one_of(
    st.sampled_from(
        ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00", "2026-02-30", "12:00:00", ""]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(1_600_000_000, 1_600_000_009)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-9, 9).map(float)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def encoded(records: Sequence[Any]) -> list[bytes]:
    return [json.dumps(record, ensure_ascii=False).encode() for record in records]


def inferred(*records: Any) -> Inferred:
    return infer_columns(encoded(records))


def column(*values: Any) -> object:
    """The type of a column with these values, each a hundred times, as a contract says it."""
    found = inferred(*({"a": value, "keep": 1} for value in values * 100))
    return format_columns(found.columns)["a"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "bool!"),
        ([1, -5], "int64!"),
        ([2**63 - 1, -(2**63)], "int64!"),
        ([2**63], "uint64!"),
        ([2**64], "decimal(38,0)!"),
        ([2**63, -1], "decimal(38,0)!"),
        ([10**38], "json!"),
        ([1, 1.5], "float64!"),
        ([1, 2.0, 1e3], "int64!"),
        ([1, 1e300], "float64!"),
        ([1, 2.0**63], "uint64!"),
        ([1.0, 2.0], "float64!"),
        ([2**53 + 1, 0.5], "json!"),
        (["x", ""], "string!"),
        (["2026-01-01T00:00:00Z", "2026-01-01t23:59:59.123456+05:30"], "timestamp[us, UTC]!"),
        (["2026-01-01 00:00:00.5"], "timestamp[us]!"),
        (["2024-02-29"], "date!"),
        (["2026-01-01", "2026-01-01T00:00:00Z"], "string!"),
        (["2026-01-01T00:00:00Z", ""], "string!"),
        (["23:59:59", "00:00:00.123456"], "time!"),
        (["24:00:00"], "string!"),
        (["23:59"], "string!"),
        (["2026-01-01", "12:00:00"], "string!"),
        (["9999-12-31T23:59:59Z"], "timestamp[us, UTC]!"),
        (["9999-12-31T23:59:59-01:00"], "string!"),
        (["2026-01-01T00:00:00.123456789Z"], "string!"),
        (["2026-01-01T00:00:00.123456000Z"], "timestamp[us, UTC]!"),
        (["2026-02-29"], "string!"),
        (["0000-01-01"], "string!"),
        (["2026-01-01T23:59:60Z"], "string!"),
        (["２０２６-01-01"], "string!"),
        ([None, None], "json"),
        ([None, 1], "int64"),
        ([1, "1"], "json!"),
        ([1, True], "json!"),
        ([{"x": 1}, [1]], "json!"),
        ([{}, {}], "json!"),
        ([[], []], "json!"),
        ([{"x": 1}, {"x": None}], {"x": "int64"}),
        ([{"x": 1}, {"x": 2}, None], {"x": "int64!"}),
        ([{"x": {"y": 1}}, {"x": {"y": 2}}, {"x": None}], {"x": {"y": "int64!"}}),
        ([[1, 2], [], [None]], ["int64"]),
        ([[1, 2], []], ["int64!"]),
        ([["x", 1]], ["json!"]),
        ([["x", 1, None]], ["json"]),
        ([[[1]], [[2.5]]], [["float64!"]]),
        ([[{"x": 1}, {"x": 2, "y": "z"}]], [{"x": "int64!", "y": "string"}]),
        ([[{"x": 1}, None]], [{"x": "int64!"}]),
        ([{"2026-01-01": 1, "2026-01-02": 1}], "json!"),
        ([{"1": 1}, {"1": 2}], "json!"),
        ([{"A3F1C2D4-0000-4000-8000-123456789ABC": 1}], "json!"),
        ([{"x y": 1, "z z": 2, "ok": 3}], "json!"),
    ],
)
def test_infer_chooses_the_narrowest_type_that_takes_all(values: list[Any], kind: object) -> None:
    assert column(*values) == kind


def test_infer_with_number_beyond_doubles_takes_json() -> None:
    found = infer_columns([b'{"a": 1e999, "b": ' + b"9" * 5000 + b"}"])

    assert format_columns(found.columns) == {"a": "json!", "b": "json!"}


def test_infer_with_literals_that_doubles_would_round_looks_at_their_digits() -> None:
    found = infer_columns([b'{"a": 9007199254740993.0, "b": 4503599627370496.3}', b'{"a": 1, "b": 1}'])

    assert format_columns(found.columns) == {"a": "int64!", "b": "float64!"}


@pytest.mark.parametrize(
    ("literal", "kind"),
    [
        (b"1e999999999999999999999", "json!"),
        (b"1e-999999999999999999999", "float64!"),
        (b"0e9999999999", "float64!"),
    ],
)
def test_infer_with_exponent_without_end_is_soon_done(literal: bytes, kind: str) -> None:
    assert format_columns(infer_columns([b'{"a": ' + literal + b"}"]).columns) == {"a": kind}


def test_infer_with_missing_field_makes_it_optional_and_says_how_often_it_was_there() -> None:
    found = inferred({"a": 1, "b": 1}, {"a": 2})

    assert format_columns(found.columns) == {"a": "int64!", "b": "int64"}
    assert found.notes == {("b",): "in 1 of 2 records"}


def test_infer_with_values_of_several_types_counts_them() -> None:
    assert inferred({"a": 1}, {"a": "x"}, {"a": "y"}).notes == {("a",): "of several types (1 number, 2 text)"}


@pytest.mark.parametrize("name", ["ts", "at", "created_at", "createdAt", "event_time_ms", "time", "created"])
@pytest.mark.parametrize(
    ("number", "unit"),
    [
        (1_626_847_200, "s"),
        (1_626_847_200_123, "ms"),
        (1_626_847_200_123_456, "us"),
        (1_626_847_200_123_456_000, "ns"),
    ],
)
def test_infer_with_name_and_range_of_a_time_takes_a_timestamp(name: str, number: int, unit: str) -> None:
    found = inferred({name: number})

    assert format_columns(found.columns) == {name: {"type": "timestamp[us, UTC]!", "epoch": unit}}
    assert found.days == {name: 1}


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("count", [1_626_847_200]),
        ("status", [1_626_847_200]),
        ("chat", [1_626_847_200]),
        ("ts", [1_626_847_200, 0]),
        ("ts", [1_626_847_200, 1_626_847_200_000]),
        ("ts", [1_626_847_200_123_456_789]),
        ("ts", [12]),
    ],
)
def test_infer_with_name_or_range_of_no_time_takes_integers(name: str, numbers: list[int]) -> None:
    found = inferred(*({name: number} for number in numbers))

    assert format_columns(found.columns) == {name: "int64!"}


def test_infer_with_few_different_texts_takes_a_dictionary_and_says_the_numbers() -> None:
    found = inferred(*({"kind": f"kind{n % 9}", "name": f"name{n}", "x": "ab"} for n in range(2000)))

    assert format_columns(found.columns) == {"kind": "dictionary!", "name": "string!", "x": "string!"}
    assert found.notes == {("kind",): "9 different values in 2,000"}


def test_infer_with_few_texts_does_not_guess_a_dictionary() -> None:
    assert format_columns(inferred(*({"kind": "kind"} for _ in range(999))).columns) == {"kind": "string!"}


def test_infer_with_objects_of_many_shapes_takes_json_and_says_so() -> None:
    found = inferred(*({"payload": {f"field{n}": n, "always": 1}} for n in range(10)))

    assert format_columns(found.columns) == {"payload": "json!"}
    assert found.notes[("payload",)].startswith("objects of many shapes: 11 fields")


def test_infer_with_optional_fields_in_a_stable_object_keeps_the_struct() -> None:
    found = inferred(
        *({"org": {"id": n, "name": "x"} | ({"mail": "y"} if n % 3 == 0 else {})} for n in range(100))
    )

    assert format_columns(found.columns) == {"org": {"id": "int64!", "name": "string!", "mail": "string"}}


def test_infer_with_few_objects_does_not_say_what_is_never_null_in_them() -> None:
    few = inferred(*({"user": {"id": n}, "tags": ["x"]} for n in range(99)))

    assert format_columns(few.columns) == {"user": {"id": "int64"}, "tags": ["string"]}


def test_infer_with_names_that_no_column_can_have_leaves_them_out() -> None:
    found = inferred({"": 1, "a b": 1, "a": 1, "A": 1, "_rescued": 1, "s": {"x.y": 1, "ok": 1}})

    assert format_columns(found.columns) == {"a": "int64!", "s": {"ok": "int64"}}
    assert sorted(found.left_out) == ["", "A", "_rescued", "a b", "s.x.y"]


def test_infer_with_object_of_unusable_names_takes_json() -> None:
    assert format_columns(inferred({"a": {"x y": 1}, "b": 1}).columns) == {"a": "json!", "b": "int64!"}


def test_infer_nested_without_end_takes_json() -> None:
    deep: object = 1
    for _ in range(100):
        deep = {"x": deep}

    assert "json" in str(format_columns(inferred({"a": deep}).columns))


@pytest.mark.parametrize(
    "record",
    [b"", b"nonsense", b"[]", b"5", b"null", b"\xff", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 100_000],
)
def test_infer_skips_what_the_decoder_would_refuse(record: bytes) -> None:
    found = infer_columns([record, b'{"a": 1}'])

    assert (found.records, found.unreadable) == (1, 1)
    assert format_columns(found.columns) == {"a": "int64!"}


def test_infer_without_records_gives_no_columns() -> None:
    assert infer_columns([]).columns == ()


def test_infer_counts_the_days_of_times_at_the_top_level() -> None:
    found = inferred(
        *({"at": f"2026-01-0{n % 3 + 1}T00:00:0{n}Z", "x": {"at": "2026-01-01"}} for n in range(9))
    )

    assert found.days == {"at": 3}


def test_infer_with_more_fields_than_a_contract_can_use_keeps_the_first() -> None:
    found = inferred({f"f{n}": n for n in range(501)})

    assert len(found.columns) == 500
    assert list(found.left_out) == ["f500"]


RECORDS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=6)


@settings(deadline=None, max_examples=200)
@given(RECORDS, st.sampled_from([1, 100]))
def test_infer_any_records_gives_a_contract_that_all_of_them_fit(
    records: list[dict[str, Any]], times: int
) -> None:
    assert_all_fit(records, times)


@pytest.mark.long
@settings(deadline=None, max_examples=2000)
@given(RECORDS, st.sampled_from([1, 100]))
def test_infer_many_records_gives_contracts_that_all_of_them_fit(
    records: list[dict[str, Any]], times: int
) -> None:
    assert_all_fit(records, times)


def assert_all_fit(records: list[dict[str, Any]], times: int) -> None:
    lines = encoded([{**record, "always": 1} for record in records]) * times
    found = infer_columns(lines)

    chunk = conform(a_pipeline(format_columns(found.columns)), lines)

    assert chunk.rejected.height == 0
    assert chunk.accepted.height == len(lines)
    assert chunk.accepted["_rescued"].null_count() == len(lines) or found.left_out
