"""What a Polars frame becomes in a Delta table: the types that are kept, widened first, or refused.

Delta has no unsigned integers, no categories, no times of the day and one unit of time, microseconds
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md#primitive-types). A type is widened where
that loses nothing, and refused where it would.

Categories stay categories up to the Parquet file, which keeps each distinct text of a row group once; it and
the table call them text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl
from deltalake import Schema as DeltaSchema

from storage.errors import TableSchemaError
from storage.layout.times_of_day import finer_than_microseconds, holds_time, times_as_text

_KEPT: tuple[type[pl.DataType], ...] = (
    pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Float32, pl.Float64, pl.Decimal,
    pl.String, pl.Categorical, pl.Binary, pl.Date,
)  # fmt: skip
_WIDENED: dict[type[pl.DataType], pl.DataType] = {
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Decimal(20, 0),
    pl.Enum: pl.String(),
    pl.Time: pl.String(),
}
_ADVICE: dict[type[pl.DataType], str] = {
    pl.Null: "cast it to a type in the last transform; a column of nulls alone has none",
    pl.Map: "turn the times of the day in it into text in the last transform",
    pl.Duration: "turn it into int64 in the last transform, for instance with dt.total_microseconds()",
    pl.Datetime: "cast it to microseconds in the last transform: cast(pl.Datetime('us')) cuts off the rest",
    pl.Int128: "cast it to decimal(38, 0) in the last transform",
    pl.UInt128: "cast it to decimal(38, 0) in the last transform",
    pl.Float16: "cast it to float32 in the last transform",
    pl.Struct: "a struct without fields cannot be stored: drop it in the last transform",
}
# Not decimals: delta-rs 1.6.3 gives pyarrow "0.-50" for -0.50.
_PARTITIONABLE = (
    pl.String, pl.Categorical, pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Date, pl.Datetime,
)  # fmt: skip
_FOLDER_NAME = re.compile(r"[^/=:\x00-\x1f\x7f]+")
_FOLDER_NAME_BYTES = 50
"""With a value of 200 bytes and `=`, the name of a folder stays below the 255 bytes of local file systems."""


def storable_schema(schema: pl.Schema) -> pl.Schema:
    """The columns of `schema` with the types they are stored with, in the same order.

    Raises:
        TableSchemaError: A column has a type that Delta cannot hold without loss, or two columns
            differ by upper and lower case alone, which Delta does not allow.
    """
    twice = [name for name, count in Counter(name.casefold() for name in schema).items() if count > 1]
    if twice:
        raise TableSchemaError(
            "columns of a table must differ by more than upper and lower case",
            where="the output of the last transform",
            got=sorted(name for name in schema if name.casefold() in twice),
            next_step="rename all but one of them in a transform",
        )
    return pl.Schema({name: _storable_type(dtype, name) for name, dtype in schema.items()})


def to_storable(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with the types of `storable_schema`; the same object where nothing is to be cast."""
    target = storable_schema(frame.schema)
    casts = [
        times_as_text(pl.col(name), frame.schema[name]).cast(dtype)
        for name, dtype in target.items()
        if frame.schema[name] != dtype
    ]
    if not casts:
        return frame
    _check_times(frame)
    try:
        return frame.with_columns(casts)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as exc:
        # Polars panics while it words the error of a timestamp beyond the year 262142.
        raise TableSchemaError(
            "a value does not fit the type its column is stored with",
            where="the output of the last transform",
            got=str(exc).partition("\n")[0],
            expected={name: str(dtype) for name, dtype in target.items() if frame.schema[name] != dtype},
            next_step="filter or clip the value in a transform; timestamps reach from -290308 to 294247",
        ) from exc


def _check_times(frame: pl.DataFrame) -> None:
    if too_fine := finer_than_microseconds(frame):
        raise TableSchemaError(
            "a time of the day is finer than what a table holds",
            where=f"the output of the last transform, column {', '.join(map(repr, too_fine))}",
            got="nanoseconds",
            expected="times in whole microseconds",
            next_step="round it in a transform, or keep it as int64",
        )


def check_partition_columns(schema: pl.Schema, partition_by: Sequence[str]) -> None:
    """Refuses partition columns that are missing, repeated, all there are, or without an exact text."""
    for name in partition_by:
        dtype = schema.get(name)
        if not isinstance(dtype, _PARTITIONABLE):
            types = "a column of text, integers, booleans, dates or timestamps"
            raise TableSchemaError(
                "a table cannot be partitioned by this column",
                where=f"table.partition_by, column {name!r}",
                got="no such column" if dtype is None else dtype,
                expected=f"one of {list(schema)}" if dtype is None else types,
            )
        if not _FOLDER_NAME.fullmatch(name) or len(name.encode()) > _FOLDER_NAME_BYTES:
            raise TableSchemaError(
                "folders cannot bear the name of this partition column so that all readers find it",
                where=f"table.partition_by, column {name!r}",
                expected=f"up to {_FOLDER_NAME_BYTES} bytes, without '/', '=', ':' and control characters",
                next_step="rename the column in a transform",
            )
    if len(set(partition_by)) < len(partition_by) or len(partition_by) == len(schema):
        raise TableSchemaError(
            "partition columns must be distinct and leave at least one column for the files",
            where="table.partition_by",
            got=list(partition_by),
            expected=f"some of {list(schema)}",
        )


def delta_schema(schema: pl.Schema) -> DeltaSchema:
    """The Delta schema of `storable_schema(schema)`; every column may hold nulls."""
    return DeltaSchema.from_arrow(
        pl.Schema({name: _without_categories(dtype) for name, dtype in storable_schema(schema).items()})
    )


def _without_categories(dtype: Any) -> pl.DataType:
    if isinstance(dtype, pl.Categorical):
        return pl.String()
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _without_categories(field.dtype) for field in dtype.fields})
    if isinstance(dtype, pl.List):
        return pl.List(_without_categories(dtype.inner))
    if isinstance(dtype, pl.Map):
        return pl.Map(_without_categories(dtype.key), _without_categories(dtype.value))
    return _concrete(dtype)


def _storable_type(dtype: pl.DataType, where: str) -> pl.DataType:
    if isinstance(dtype, pl.Datetime) and dtype.time_unit != "ns":
        return pl.Datetime("us", "UTC" if dtype.time_zone else None)
    if isinstance(dtype, pl.Struct) and dtype.fields:
        fields = ((field.name, _concrete(field.dtype)) for field in dtype.fields)
        return pl.Struct({name: _storable_type(inner, f"{where}.{name}") for name, inner in fields})
    if isinstance(dtype, (pl.List, pl.Array)):
        return pl.List(_storable_type(_concrete(dtype.inner), f"{where}[]"))
    if isinstance(dtype, pl.Map) and not holds_time(dtype):
        key = _storable_type(_concrete(dtype.key), f"{where}.key")
        return pl.Map(key, _storable_type(_concrete(dtype.value), f"{where}.value"))
    if isinstance(dtype, _KEPT):
        return dtype
    if type(dtype) in _WIDENED:
        return _WIDENED[type(dtype)]
    raise TableSchemaError(
        "a table cannot hold a column of this type",
        where=f"the output of the last transform, column {where!r}",
        got=dtype,
        next_step=_ADVICE.get(type(dtype), "cast it to a type of the contract in the last transform"),
    )


def _concrete(dtype: Any) -> pl.DataType:
    """The inner types of a nested type may be written as classes: `pl.List(pl.String)`."""
    instance = dtype if isinstance(dtype, pl.DataType) else dtype()
    assert isinstance(instance, pl.DataType)
    return instance
