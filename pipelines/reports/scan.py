"""Reads a table: `penstock scan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from config.errors import did_you_mean
from pipelines.errors import QueryError
from pipelines.reports.condition import condition
from storage.tables.versions import open_version, rows_of, size_of


@dataclass(frozen=True, slots=True)
class Scan:
    """A question to a table.

    Attributes:
        rows: The answer: lazy, in no order.
        version: Of the table.
        table_rows: Rows of the whole table, whatever the question; None where its log does not count them.
    """

    rows: pl.LazyFrame
    version: int
    table_rows: int | None


def scan(
    uri: str, *, where: str | None = None, select: Sequence[str] = (), version: int | None = None
) -> Scan:
    """The rows of the table at `uri` that meet `where`; reads its log only.

    Condition and columns reach the files, so that partitions, files and row groups are skipped by them.

    Args:
        uri: The table's.
        where: A boolean SQL expression over the columns; null counts as not met. None for all rows.
        select: Columns, or dotted paths to fields of structs, whose columns then bear the path as their name;
            empty for all columns.
        version: None for the newest.

    Raises:
        QueryError: `where` or `select` does not fit the table.
        NotFoundError: There is no table, or no such version.
        StorageError: The table cannot be read.
    """
    table = open_version(uri, version)
    rows = rows_of(table)
    schema = rows.collect_schema()
    columns = [_column(path, schema) for path in select]
    if len(set(select)) < len(select):
        raise QueryError("a column is selected twice", got=", ".join(select))
    if where is not None:
        rows = rows.filter(condition(where, schema))
    return Scan(rows.select(columns) if columns else rows, table.version(), size_of(table).rows)


def _column(path: str, schema: pl.Schema) -> pl.Expr:
    """A column, or a field inside of structs, under the name `path`; a whole name goes before a path."""
    names = [path] if path in schema else path.split(".")
    expression, fields = pl.col(names[0]), dict[str, Any](schema)
    for depth, name in enumerate(names):
        if name not in fields:
            raise QueryError(
                "the table has no such column",
                got=path,
                expected=f"one of {', '.join(fields)}"
                if fields
                else f"{'.'.join(names[:depth])} has no fields",
                next_step=did_you_mean(name, fields),
            )
        expression = expression.struct.field(name) if depth else expression
        kind = fields[name]
        fields = dict(kind.to_schema()) if isinstance(kind, pl.Struct) else {}
    return expression.alias(path)
