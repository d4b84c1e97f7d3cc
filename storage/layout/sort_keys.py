"""What the rows of a file are sorted by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from config.errors import did_you_mean
from storage.errors import TableSchemaError


def sort_keys(schema: pl.Schema, sort_by: Sequence[str], option: str = "table.sort_by") -> list[pl.Expr]:
    """One expression for each of `sort_by`: a column, or a dotted path to a field inside of structs.

    A name that is a column as a whole is that column, dots and all.

    Raises:
        TableSchemaError: There is no such column or field, or it is a list, a map or a struct.
    """
    return [_key(schema, path, option) for path in sort_by]


def z_keys(schema: pl.Schema, z_order_by: Sequence[str]) -> list[pl.Expr]:
    """The same for the columns of a Z-order."""
    return sort_keys(schema, z_order_by, "table.layout.z_order_by")


def _key(schema: pl.Schema, path: str, option: str) -> pl.Expr:
    names = [path] if path in schema else path.split(".")
    expression = pl.col(names[0])
    fields: dict[str, Any] = dict(schema)
    for depth, name in enumerate(names):
        if name not in fields:
            raise TableSchemaError(
                "a table cannot be sorted by a column that is not there",
                where=f"{option}, {path!r}",
                got=name,
                expected=f"one of {list(fields)}" if fields else f"{'.'.join(names[:depth])} has no fields",
                next_step=did_you_mean(name, fields),
            )
        expression = expression.struct.field(name) if depth else expression
        dtype = fields[name]
        fields = dict(dtype.to_schema()) if isinstance(dtype, pl.Struct) else {}
    if dtype.is_nested():
        raise TableSchemaError(
            "a table can be sorted by plain values only",
            where=f"{option}, {path!r}",
            got=dtype,
            expected=f"a field of it, such as {path}.{next(iter(fields))}"
            if fields
            else "a column that is no list",
        )
    return expression
