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
from storage.tables.schema.columns import delta_type

_TIMES = [dt.time(0), dt.time(23, 59, 59, 999999), None]
_TIMES_AS_TEXT = ["00:00:00.000000", "23:59:59.999999", None]
WIDENED: list[tuple[pl.DataType, list[Any], pl.DataType, list[Any]]] = [
    (pl.UInt8(), [255, None], pl.Int16(), [255, None]),
    (pl.UInt16(), [2**16 - 1], pl.Int32(), [2**16 - 1]),
    (pl.UInt32(), [2**32 - 1], pl.Int64(), [2**32 - 1]),
    (pl.UInt64(), [2**64 - 1], pl.Decimal(20, 0), [Decimal(2**64 - 1)]),
    (pl.Time(), _TIMES, pl.String(), _TIMES_AS_TEXT),
    (pl.List(pl.Time), [_TIMES, None, []], pl.List(pl.String), [_TIMES_AS_TEXT, None, []]),
    (pl.Array(pl.Time, 3), [_TIMES], pl.List(pl.String), [_TIMES_AS_TEXT]),
    (
        pl.List(pl.Struct({"t": pl.Time, "n": pl.UInt8})),
        [[{"t": _TIMES[0], "n": 1}, None], None],
        pl.List(pl.Struct({"t": pl.String, "n": pl.Int16})),
        [[{"t": _TIMES_AS_TEXT[0], "n": 1}, None], None],
    ),
    (pl.Struct({"t": pl.Time}), [{"t": None}, None], pl.Struct({"t": pl.String}), [{"t": None}, None]),
    (pl.Enum(["a", "b"]), ["b"], pl.String(), ["b"]),
    (pl.Array(pl.UInt8, 2), [[1, 2]], pl.List(pl.Int16), [[1, 2]]),
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
    categories = pl.Series(["x"], dtype=pl.Categorical)
    frame = pl.DataFrame({"a": [1], "b": [{"c": ["x"]}], "d": [_MOMENT], "e": categories, "f": [b""]})

    assert to_storable(frame) is frame


@pytest.mark.parametrize("nested", [pl.col("x"), pl.struct("x"), pl.concat_list("x")])
def test_to_storable_of_a_time_in_nanoseconds_raises(nested: pl.Expr) -> None:
    frame = pl.DataFrame({"x": pl.Series([1], dtype=pl.Int64).cast(pl.Time)}).select(y=nested)

    with pytest.raises(TableSchemaError, match="column 'y'"):
        to_storable(frame)


def test_delta_schema_calls_categories_and_times_text() -> None:
    schema = pl.Schema(
        {
            "c": pl.Categorical(),
            "t": pl.Time(),
            "s": pl.Struct({"c": pl.List(pl.Categorical)}),
            "m": pl.Map(pl.Categorical, pl.Int64),
        }
    )

    assert [delta_type(field) for field in delta_schema(schema).fields] == [
        "string",
        "string",
        "{c: [string]}",
        "map[string, long]",
    ]


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
        pl.Null(), pl.Duration("us"), pl.Datetime("ns"), pl.Int128(), pl.UInt128(), pl.Float16(),
        pl.Object(), pl.Struct([]), pl.List(pl.Null),
        pl.Struct({"deep": pl.List(pl.Map(pl.String, pl.Time))}),
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
