"""What is stored, widened or refused, and that widening loses nothing."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from storage.errors import TableSchemaError
from storage.layout.table_schema import check_partition_columns, delta_schema, storable_schema, to_storable

WIDENED: list[tuple[pl.DataType, list[Any], pl.DataType, list[Any]]] = [
    (pl.UInt8(), [255, None], pl.Int16(), [255, None]),
    (pl.UInt16(), [2**16 - 1], pl.Int32(), [2**16 - 1]),
    (pl.UInt32(), [2**32 - 1], pl.Int64(), [2**32 - 1]),
    (pl.UInt64(), [2**64 - 1], pl.Decimal(20, 0), [Decimal(2**64 - 1)]),
    (pl.Categorical(), ["a", None], pl.String(), ["a", None]),
    (pl.Enum(["a", "b"]), ["b"], pl.String(), ["b"]),
    (pl.Array(pl.UInt8, 2), [[1, 2]], pl.List(pl.Int16), [[1, 2]]),
    (pl.List(pl.Categorical), [["a"], None, []], pl.List(pl.String), [["a"], None, []]),
]

_MOMENT = dt.datetime(2026, 7, 1, 12, 0, 0, 1000, tzinfo=dt.UTC)


@pytest.mark.parametrize(("dtype", "values", "stored", "expected"), WIDENED)
def test_to_storable_widens_without_loss(
    dtype: pl.DataType, values: list[Any], stored: pl.DataType, expected: list[Any]
) -> None:
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype)})
    nested = frame.select(s=pl.struct("x"))

    assert to_storable(frame).equals(pl.DataFrame({"x": pl.Series(expected, dtype=stored)}))
    assert to_storable(nested).select(pl.col("s").struct.field("x")).equals(to_storable(frame))


def test_to_storable_of_storable_columns_is_the_same_frame() -> None:
    frame = pl.DataFrame({"a": [1], "b": [{"c": ["x"]}], "d": [_MOMENT]})

    assert to_storable(frame) is frame


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_to_storable_keeps_the_moment_of_milliseconds_and_zones(zone: str) -> None:
    frame = pl.DataFrame({"x": pl.Series([_MOMENT]).dt.cast_time_unit("ms").dt.convert_time_zone(zone)})

    stored = to_storable(frame)

    assert stored.schema["x"] == pl.Datetime("us", "UTC")
    assert stored["x"].to_list() == [_MOMENT]


def test_to_storable_of_a_timestamp_out_of_range_raises() -> None:
    frame = pl.DataFrame({"x": pl.Series([2**62]).cast(pl.Datetime("ms"))})

    with pytest.raises(TableSchemaError):
        to_storable(frame)


@pytest.mark.parametrize(
    "dtype",
    [
        pl.Null(), pl.Time(), pl.Duration("us"), pl.Datetime("ns"), pl.Int128(), pl.UInt128(), pl.Float16(),
        pl.Object(), pl.Struct([]), pl.List(pl.Null), pl.Struct({"deep": pl.List(pl.Time)}),
    ],
)  # fmt: skip
def test_storable_schema_names_the_column_that_cannot_be_stored(dtype: pl.DataType) -> None:
    with pytest.raises(TableSchemaError, match=r"output of the last transform.*'x") as caught:
        storable_schema(pl.Schema({"good": pl.Int64(), "x": dtype}))

    assert caught.value.next_step


def test_storable_schema_refuses_names_that_differ_by_case_alone() -> None:
    with pytest.raises(TableSchemaError, match="'Id', 'id'"):
        storable_schema(pl.Schema({"id": pl.Int64(), "Id": pl.Int64()}))


def test_delta_schema_knows_timestamps_with_and_without_zone() -> None:
    schema = pl.Schema(
        {"z": pl.Datetime("ms", "Asia/Tokyo"), "n": pl.Datetime("us"), "m": pl.Map(pl.String, pl.UInt8)}
    )

    fields = json.loads(delta_schema(schema).to_json())["fields"]

    assert [field["type"] for field in fields[:2]] == ["timestamp", "timestamp_ntz"]
    assert (fields[2]["type"]["keyType"], fields[2]["type"]["valueType"]) == ("string", "short")


@pytest.mark.parametrize(
    ("partition_by", "named"),
    [
        (["nope"], "nope"),
        (["f"], "f"),
        (["d"], "d"),
        (["a/b"], "a/b"),
        (["p", "p"], "p"),
        (["x" * 51], "xxx"),
    ],
)
def test_check_partition_columns_names_what_is_unsuitable(partition_by: list[str], named: str) -> None:
    schema = {
        "p": pl.String(),
        "f": pl.Float64(),
        "d": pl.Decimal(9, 2),
        "a/b": pl.String(),
        "x" * 51: pl.String(),
    }

    with pytest.raises(TableSchemaError, match=named):
        check_partition_columns(pl.Schema(schema), partition_by)


def test_check_partition_columns_leaves_a_column_for_the_files() -> None:
    with pytest.raises(TableSchemaError, match="at least one"):
        check_partition_columns(pl.Schema({"p": pl.String()}), ["p"])
