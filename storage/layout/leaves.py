"""The leaves of a schema: what Parquet calls columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

ColumnPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One column of a Parquet file.

    Attributes:
        path: Its names through the structs; up to the list or the map that it lies in.
        dtype: The type of its values.
        position: Which of the footer's columns it is. It tells columns apart where names cannot: those may
            hold dots.
        parquet_path: What Parquet calls it, joined by dots.
        repeated: Whether it lies in a list or a map, where the Delta log has no statistics.
        values: Gives them all, one row each, or those of the lists one after another; None within maps.
    """

    path: ColumnPath
    dtype: pl.DataType
    position: int
    parquet_path: str
    repeated: bool
    values: pl.Expr | None


def leaves(schema: Mapping[str, pl.DataType]) -> list[Leaf]:
    """All leaves, in the order of a footer's columns."""
    found = [leaf for name, dtype in schema.items() for leaf in _below((name,), dtype, name, pl.col(name))]
    return [replace(leaf, position=position) for position, leaf in enumerate(found)]


def _below(path: ColumnPath, dtype: Any, named: str, values: pl.Expr | None) -> Iterator[Leaf]:
    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            name = field.name
            inner = None if values is None else values.struct.field(name)
            yield from _below((*path, name), field.dtype, f"{named}.{name}", inner)
    elif isinstance(dtype, pl.List):
        elements = None if values is None else values.list.explode()
        yield from _repeated(path, _below((), dtype.inner, f"{named}.list.element", elements))
    elif isinstance(dtype, pl.Map):
        yield from _repeated(path, _below((), dtype.key, f"{named}.key_value.key", None))
        yield from _repeated(path, _below((), dtype.value, f"{named}.key_value.value", None))
    else:
        yield Leaf(path, dtype, 0, named, False, values)


def _repeated(path: ColumnPath, inner: Iterator[Leaf]) -> Iterator[Leaf]:
    yield from (replace(leaf, path=path, repeated=True) for leaf in inner)
