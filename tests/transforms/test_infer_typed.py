"""Contracts for files that have types of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from config.column_syntax import format_columns
from transforms.inference.infer_typed import infer_typed
from transforms.inference.inferred import Inferred


def inferred(*files: dict[str, pa.Array]) -> Inferred:
    return infer_typed([pa.record_batch(file) for file in files])


def column(*arrays: pa.Array) -> object:
    """The type of a column that is one of these arrays in each of a hundred files."""
    return format_columns(inferred(*({"a": array} for array in arrays * 100)).columns)["a"]


def of(kind: pa.DataType, *values: Any) -> pa.Array:
    return pa.array(values, kind)


NOW = datetime(2026, 1, 1, tzinfo=UTC)
STRUCT = pa.struct([("x", pa.int32()), ("y", pa.string())])


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (of(pa.int8(), 1), "int8!"),
        (of(pa.uint64(), 1, None), "uint64"),
        (of(pa.float16(), 1.5), "float32!"),
        (of(pa.float64(), 1.5), "float64!"),
        (of(pa.bool_(), True), "bool!"),
        (of(pa.large_string(), "x"), "string!"),
        (of(pa.string_view(), "2026-01-01"), "string!"),
        (of(pa.binary(2), b"xy"), "binary!"),
        (of(pa.date64(), date(2026, 1, 1)), "date!"),
        (of(pa.time32("s"), 1), "time!"),
        (of(pa.timestamp("s")), "timestamp[us]"),
        (of(pa.timestamp("ns", "UTC"), NOW), "timestamp[us, UTC]!"),
        (of(pa.timestamp("ms", "Europe/Berlin"), NOW), "timestamp[us, Europe/Berlin]!"),
        (of(pa.timestamp("ms", "+02:00"), NOW), "timestamp[us, UTC]!"),
        (of(pa.decimal128(9, 2), Decimal("1.50")), "decimal(9,2)!"),
        (of(pa.decimal256(60, 2), Decimal("1.50")), "json!"),
        (of(pa.duration("s"), 1), "json!"),
        (of(pa.string(), "x", "y").dictionary_encode(), "dictionary!"),
        (of(pa.int32(), 1, 1).dictionary_encode(), "int32!"),
        (of(pa.map_(pa.string(), pa.int32()), [("x", 1)]), "json!"),
        (pa.nulls(2), "json"),
        (of(STRUCT, {"x": 1, "y": None}, None), {"x": "int32!", "y": "string"}),
        (of(pa.list_(pa.int64()), [1], None), ["int64!"]),
        (of(pa.large_list(pa.int64()), [1, None]), ["int64"]),
        (of(pa.list_(STRUCT), [{"x": 1}], []), [{"x": "int32!", "y": "string"}]),
    ],
)
def test_infer_takes_the_type_of_the_file(array: pa.Array, kind: object) -> None:
    assert column(array) == kind


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (pa.int8(), pa.int32(), "int32"),
        (pa.uint8(), pa.int8(), "int16"),
        (pa.uint32(), pa.int8(), "int64"),
        (pa.uint64(), pa.int8(), "decimal(20,0)"),
        (pa.int32(), pa.float32(), "float64"),
        (pa.int64(), pa.float64(), "json"),
        (pa.float32(), pa.float64(), "float64"),
        (pa.decimal128(5, 1), pa.decimal128(5, 3), "decimal(7,3)"),
        (pa.decimal128(38, 0), pa.decimal128(38, 38), "json"),
        (pa.int16(), pa.decimal128(5, 1), "decimal(6,1)"),
        (pa.string(), pa.dictionary(pa.int8(), pa.string()), "string"),
        (pa.date32(), pa.timestamp("us"), "timestamp[us]"),
        (pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin"), "timestamp[us, UTC]"),
        (pa.timestamp("us", "UTC"), pa.timestamp("us"), "json"),
        (pa.null(), pa.int8(), "int8"),
        (pa.string(), pa.int8(), "json"),
    ],
)
def test_infer_with_files_of_other_types_takes_one_that_holds_both(
    first: pa.DataType, second: pa.DataType, kind: object
) -> None:
    assert column(of(first, None), of(second, None)) == kind
    assert column(of(second, None), of(first, None)) == kind


def test_infer_with_column_of_some_files_makes_it_optional() -> None:
    found = inferred({"a": of(pa.int8(), 1)}, {"b": of(pa.int8(), 1), "a": of(pa.int8(), 1)})

    assert format_columns(found.columns) == {"a": "int8!", "b": "int8"}
    assert found.notes == {("b",): "in 1 of 2 records"}


def test_infer_with_few_different_texts_takes_a_dictionary() -> None:
    found = inferred({"kind": pa.array(["click", "viewed"] * 600), "id": pa.array(map(str, range(1200)))})

    assert format_columns(found.columns) == {"kind": "dictionary!", "id": "string!"}
    assert found.notes["kind",] == "2 different values in 1,200"


def test_infer_of_nanoseconds_says_what_is_refused() -> None:
    assert "nanoseconds" in inferred({"a": of(pa.timestamp("ns"), 1)}).notes["a",]


def test_infer_of_numbers_that_are_none_says_what_is_refused() -> None:
    found = inferred({"a": of(pa.float32(), 1.5, float("nan"), float("inf"), None)})

    assert found.notes["a",].startswith("2 values are NaN or infinite, which is refused")


def test_infer_counts_days() -> None:
    found = inferred({"day": of(pa.date32(), 1, 2, 2), "at": of(pa.timestamp("s"), 1, 90_000, None)})

    assert found.days == {"day": 2, "at": 2}


def test_infer_leaves_out_what_cannot_be_a_column() -> None:
    batch = pa.record_batch([of(pa.int8(), 1)] * 3, names=["a", "a b", "A"])

    found = infer_typed([batch])

    assert format_columns(found.columns) == {"a": "int8!"}
    assert list(found.left_out) == ["a b", "A"]


def test_infer_of_nothing_has_no_columns() -> None:
    assert infer_typed([]).columns == ()
