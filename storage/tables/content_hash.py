"""A hash of what a table holds, however its rows lie in files: the same rows give the same hash.

What it covers: the names and types of the columns, how many rows there are, and every value of every row,
down to fields of structs and elements of lists. Null is not the empty text, 0.0 not -0.0, an empty list not
a null one, and a row that is there twice is not one that is there once.

What it does not cover: the order of rows, columns, fields of structs and entries of maps; how a value is
encoded (a category or an enum is its text, an array is a list); which bits a NaN has; files, partitions and
versions.

Two hashes compare within one version of Polars, which does not promise the same one in the next: compare,
never keep them for years.
"""

from __future__ import annotations

import hashlib
from typing import Final

import polars as pl

_SEEDS: Final = (0x70656E73746F636B, 0x636F6E74656E7473)
"""Of two sums, 128 bits together."""


def content_hash(rows: pl.LazyFrame) -> str:
    """32 hexadecimal digits that two frames share where they have the same columns, types and rows.

    Reads everything, as a stream: memory is bounded. The hashes of the rows are added up, so that their order
    does not matter; each is a hash over all columns, so that it matters which values stand together.

    Raises:
        polars.exceptions.PolarsError: The rows cannot be read.
    """
    schema = rows.collect_schema()
    names = sorted(schema)
    sums = [one.sum().alias(f"hash {number}") for number, one in enumerate(row_hashes(schema))]
    found = rows.select(pl.len().alias("rows"), *sums).collect(engine="streaming")
    types = [f"{name!r}: {_type_name(schema[name])}" for name in names]
    told = [*types, *(str(column.item()) for column in found.get_columns())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def row_hashes(schema: pl.Schema) -> list[pl.Expr]:
    """Two unsigned 64-bit integers for each row of a frame with `schema`; rows are equal where both are."""
    values = [_fingerprint(pl.col(name), schema[name]).alias(f"column {name}") for name in sorted(schema)]
    row = pl.struct(pl.lit(1).alias("row"), *values)
    return [row.hash(seed) for seed in _SEEDS]


def _fingerprint(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An integer for each value. Polars' own hash takes null for the empty text, and 0.0 for -0.0."""
    return pl.struct(value.is_null().alias("null"), *_parts(value, dtype)).hash()


def _parts(value: pl.Expr, dtype: pl.DataType) -> list[pl.Expr]:
    if isinstance(dtype, pl.Struct):
        fields = {field.name: _concrete(field.dtype) for field in dtype.fields}
        return [
            _fingerprint(value.struct.field(name), fields[name]).alias(f"field {name}")
            for name in sorted(fields)
        ]
    if isinstance(dtype, pl.Array):
        inner = _concrete(dtype.inner)
        return _parts(value.cast(pl.List(inner)), pl.List(inner))
    if isinstance(dtype, pl.List):
        return [value.list.eval(_fingerprint(pl.element(), _concrete(dtype.inner))).alias("value")]
    if isinstance(dtype, pl.Map):
        entry = pl.Struct({"key": _concrete(dtype.key), "value": _concrete(dtype.value)})
        entries = value.map.entries().list.eval(_fingerprint(pl.element(), entry))
        return [entries.list.sort().alias("value")]
    return [_exact(value, dtype).alias("value")]


def _exact(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """`value` in a type in which equal means the same."""
    if isinstance(dtype, pl.Float32 | pl.Float64):
        bits = pl.UInt32 if isinstance(dtype, pl.Float32) else pl.UInt64
        return value.fill_nan(float("nan")).reinterpret(dtype=bits)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return value.cast(pl.String)
    return value


def _type_name(dtype: pl.DataType) -> str:
    """The type as text, the same for all ways to encode it."""
    if isinstance(dtype, pl.Struct):
        fields = sorted((field.name, _type_name(_concrete(field.dtype))) for field in dtype.fields)
        return f"struct{fields}"
    if isinstance(dtype, pl.List | pl.Array):
        return f"list[{_type_name(_concrete(dtype.inner))}]"
    if isinstance(dtype, pl.Map):
        return f"map[{_type_name(_concrete(dtype.key))}, {_type_name(_concrete(dtype.value))}]"
    return "String" if isinstance(dtype, pl.Categorical | pl.Enum) else str(dtype)


def _concrete(dtype: object) -> pl.DataType:
    """The type of a field or element, as an instance."""
    return dtype if isinstance(dtype, pl.DataType) else dtype()  # type: ignore[operator]
