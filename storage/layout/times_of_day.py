"""Times of the day as text, since Delta has no type for them.

The text is `HH:MM:SS.ffffff`, always with six digits, so that it sorts as the times do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl


def holds_time(dtype: Any) -> bool:
    """Whether `dtype` is a time of the day, or has one anywhere in it."""
    if dtype == pl.Time:
        return True
    if isinstance(dtype, pl.Struct):
        return any(holds_time(field.dtype) for field in dtype.fields)
    if isinstance(dtype, pl.Map):
        return holds_time(dtype.key) or holds_time(dtype.value)
    return isinstance(dtype, pl.List | pl.Array) and holds_time(dtype.inner)


def finer_than_microseconds(frame: pl.DataFrame) -> list[str]:
    """The columns with times, at any depth outside of maps, that six digits do not tell."""
    checks = {name: list(_checks(pl.col(name), dtype)) for name, dtype in frame.schema.items()}
    found = frame.select(pl.any_horizontal(some).alias(name) for name, some in checks.items() if some)
    return [column.name for column in found if column.item()]


def times_as_text(values: pl.Expr, dtype: Any) -> pl.Expr:
    """`values`, of type `dtype`, with text for times at any depth outside of maps; gives lists for arrays."""
    if dtype == pl.Time:
        return values.dt.strftime("%H:%M:%S%.6f")
    if not holds_time(dtype):
        return values
    if isinstance(dtype, pl.Struct):
        fields = (times_as_text(pl.field(field.name), field.dtype) for field in dtype.fields)
        return values.struct.with_fields(*fields)
    lists = values.cast(pl.List(dtype.inner)) if isinstance(dtype, pl.Array) else values
    return lists.list.eval(times_as_text(pl.element(), dtype.inner))


def _checks(values: pl.Expr, dtype: Any) -> Iterator[pl.Expr]:
    if dtype == pl.Time:
        yield (values.to_physical() % 1000 != 0).any()
    elif isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            yield from _checks(values.struct.field(field.name), field.dtype)
    elif isinstance(dtype, pl.Array):
        yield from _checks(values.arr.explode(), dtype.inner)
    elif isinstance(dtype, pl.List):
        yield from _checks(values.list.explode(), dtype.inner)
