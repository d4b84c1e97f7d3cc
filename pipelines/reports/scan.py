"""Reads a table: `penstock scan`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from config.errors import did_you_mean
from pipelines.errors import QueryError
from pipelines.reports.condition import condition
from storage.skipping.measured import Measured
from storage.skipping.reader import TableReader, read_table
from storage.streaming import streamed
from storage.upstream import translated


@dataclass(frozen=True, slots=True)
class Scan:
    """A question to a table.

    Attributes:
        rows: The answer: lazy, in no order.
        version: Of the table.
        table_rows: Rows of the whole table, whatever the question; None where its log does not count them.
        measured: What `rows` took, each time that it was collected.
    """

    rows: pl.LazyFrame
    version: int
    table_rows: int | None
    measured: Measured


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an answer took.

    Attributes:
        rows: That were found.
        measured: What was skipped, and by which means; what was fetched.
    """

    version: int
    rows: int
    measured: Measured

    def as_dict(self) -> dict[str, Any]:
        """As `penstock scan --explain --json` prints it."""
        return {"version": self.version, "rows": self.rows, **self.measured.as_dict()}


LEVELS: Final = ("other partition", "file statistics", "row group statistics", "other columns", "read")
"""What becomes of a part of a table, in the order in which it is decided."""


def levels(one: Measured) -> dict[str, tuple[int | None, ...]]:
    """How many partitions, files, row groups and bytes met which end; a number for each of `LEVELS`.

    None where it cannot be: no partition is skipped by statistics. Row groups are those of the files that
    were opened. Footers and indexes are in what was read.
    """
    files = one.files - one.files_by_partition - one.files_by_statistics - one.files_by_row_groups
    groups = one.row_groups - one.row_groups_by_statistics
    partitions = one.partitions - one.partitions_skipped
    return {
        "partitions": (one.partitions_skipped, None, None, None, partitions),
        "files": (one.files_by_partition, one.files_by_statistics, one.files_by_row_groups, None, files),
        "row groups of these": (None, None, one.row_groups_by_statistics, None, groups),
        "bytes": (
            one.bytes_by_partition,
            one.bytes_by_statistics,
            one.bytes_by_row_groups,
            one.bytes_of_columns,
            one.fetched.bytes,
        ),
    }


def scan(
    uri: str,
    *,
    where: str | None = None,
    select: Sequence[str] = (),
    version: int | None = None,
    at: datetime | None = None,
    counted: bool = False,
) -> Scan:
    """The rows of the table at `uri` that meet `where`; reads its log only.

    Condition and columns reach the files, so that partitions, files and row groups are skipped by them.

    Args:
        uri: The table's.
        where: A boolean SQL expression over the columns; null counts as not met. None for all rows.
        select: Columns, or dotted paths to fields of structs, whose columns then bear the path as their name;
            empty for all columns.
        version: None for the newest.
        at: The newest version that was there at this moment, in place of `version`.
        counted: Whether to measure what the answer takes.

    Raises:
        QueryError: `where` or `select` does not fit the table, or it cannot be measured.
        NotFoundError: There is no table, or no such version.
        StorageError: The table cannot be read.
    """
    reader = read_table(uri, version, at)
    for path in select:
        _check_column(path, reader.schema)
    if len(set(select)) < len(select):
        raise QueryError("a column is selected twice", got=", ".join(select))
    if counted and not reader.is_plain():
        raise QueryError(
            "what this table takes to read cannot be measured",
            where=uri,
            got="deletion vectors, column mapping, or files elsewhere",
            expected="a table whose rows are those of its files",
        )
    measured = Measured()
    met = None if where is None else condition(where, reader.schema)
    rows = reader.query(met, select or None, measured if counted else None)
    return Scan(rows, reader.version, _rows(reader), measured)


def explain(found: Scan, uri: str) -> Explanation:
    """Runs the query to its end, and tells what it took; memory is bounded.

    Raises:
        StorageError: The table cannot be read.
    """
    with translated("read the table", uri):
        rows = sum(frame.height for frame in streamed(found.rows))
    return Explanation(found.version, rows, found.measured)


def _rows(reader: TableReader) -> int | None:
    rows = reader.files()["rows"]
    return None if rows.null_count() else int(rows.sum())


def _check_column(path: str, schema: pl.Schema) -> None:
    """Whether there is a column, or a field inside of structs; a whole name goes before a path."""
    names = [path] if path in schema else path.split(".")
    fields = dict[str, Any](schema)
    for depth, name in enumerate(names):
        if name not in fields:
            above = ".".join(names[:depth])
            raise QueryError(
                "the table has no such column",
                got=path,
                expected=f"one of {', '.join(fields)}" if fields else f"{above} has no fields",
                next_step=did_you_mean(name, fields),
            )
        kind = fields[name]
        fields = dict(kind.to_schema()) if isinstance(kind, pl.Struct) else {}
