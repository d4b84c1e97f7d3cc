"""Columns, or fields of structs, that keys and orders are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from config.errors import did_you_mean
from storage.errors import TableSchemaError
from storage.tables.merging.rule import MergeRule


@dataclass(frozen=True, slots=True)
class Value:
    """A plain value of each row.

    names: The column, then the fields of structs on the way.
    """

    names: tuple[str, ...]
    dtype: pl.DataType

    @property
    def expression(self) -> pl.Expr:
        """Null where a struct on the way is."""
        expression = pl.col(self.names[0])
        for name in self.names[1:]:
            expression = expression.struct.field(name)
        return expression

    def column(self) -> tuple[str, pl.DataType]:
        """The column with nothing in it but this value."""
        dtype = self.dtype
        for name in reversed(self.names[1:]):
            dtype = pl.Struct({name: dtype})
        return self.names[0], dtype


def values_of(schema: pl.Schema, paths: Sequence[str], option: str) -> list[Value]:
    """What `table.<option>` names; a name that is a column as a whole is that column, dots and all.

    Raises:
        TableSchemaError: There is no such column or field, or its values cannot be compared.
    """
    return [_value(schema, path, option) for path in paths]


def check_rule(schema: pl.Schema, rule: MergeRule) -> None:
    """Refuses rows of `schema` that cannot be told apart, or put in order, as `rule` says.

    Raises:
        TableSchemaError: Final.
    """
    values_of(schema, rule.key, "key")
    values_of(schema, rule.order_by, "order_by")


def _value(schema: pl.Schema, path: str, option: str) -> Value:
    names = [path] if path in schema else path.split(".")
    fields: dict[str, Any] = dict(schema)
    dtype: Any = None
    for depth, name in enumerate(names):
        if name not in fields:
            raise TableSchemaError(
                f"{option} names a column that the rows behind the last transform have not",
                where=f"table.{option}, {path!r}",
                got=name,
                expected=f"one of {list(fields)}" if fields else f"{'.'.join(names[:depth])} has no fields",
                next_step=did_you_mean(name, fields),
            )
        dtype = fields[name]
        fields = dict(dtype.to_schema()) if isinstance(dtype, pl.Struct) else {}
    if dtype.is_nested() or isinstance(dtype, pl.Null | pl.Object):
        raise TableSchemaError(
            f"{option} names a column whose values cannot be compared",
            where=f"table.{option}, {path!r}",
            got=dtype,
            expected=f"a field of it, such as {path}.{next(iter(fields))}"
            if fields
            else "a column of plain values",
        )
    return Value(tuple(names), dtype)
