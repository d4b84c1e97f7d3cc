"""The rows of one data file, in sorted pieces, in the columns of its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.errors import TableSchemaError
from storage.layout.frame_memory import joined_bytes
from storage.layout.not_a_number import leaves_with_nan
from storage.layout.table_schema import delta_schema
from storage.tables.opened_file import opened_file

PIECE_ROWS: Final = 16_384
"""Rows of a piece: of each file that is merged so many are in memory."""


@dataclass(frozen=True)
class FileRows:
    """A data file to be read.

    Attributes:
        uri: The table's.
        path: As the log has it.
        columns: Those that the files of the table have, in its types. The file may lack some, which are null.
    """

    uri: str
    path: str
    columns: pl.Schema

    def pieces(self, keys: Sequence[pl.Expr], *, whole: bool) -> Iterator[pl.DataFrame]:
        """All rows; lazy.

        Args:
            keys: What each piece is sorted by.
            whole: Whether all rows are read and sorted before the first piece: for files in no order.
        """
        frames = self.frames()
        if whole:
            rows = pl.concat(list(frames))
            frames = iter([rows.sort(keys, maintain_order=True) if keys else rows])
        for frame in frames:
            for piece in frame.iter_slices(PIECE_ROWS):
                yield piece.sort(keys, maintain_order=True) if keys and not whole else piece

    def is_ordered(self, by: str) -> bool:
        """Whether no row group begins before the one before it has ended, by a column, or its dotted path."""
        with opened_file(self.uri, self.path) as parquet:
            footer = parquet.metadata
            groups = [_range(footer.row_group(number), by) for number in range(footer.num_row_groups)]
        return None not in groups and all(one[1] <= two[0] for one, two in pairwise(groups) if one and two)

    def height(self) -> int:
        """How many there are, by the footer."""
        with opened_file(self.uri, self.path) as parquet:
            return int(parquet.metadata.num_rows)

    def row_bytes(self) -> int:
        """The memory of a row, by the first of them; at least 1."""
        with opened_file(self.uri, self.path) as parquet:
            first = next(parquet.iter_batches(PIECE_ROWS), None)
        if first is None or not first.num_rows:
            return 1
        return max(1, joined_bytes(pl.DataFrame(first)) // int(first.num_rows))

    def leaves_with_nan(self) -> frozenset[int]:
        """The positions of the leaves with NaN; reads the columns with numbers of that kind only."""
        floats = [name for name, kind in self.columns.items() if "Float" in str(kind)]
        found = frozenset[int]()
        with opened_file(self.uri, self.path) as parquet:
            there = [name for name in floats if name in parquet.schema_arrow.names]
            for batch in parquet.iter_batches(PIECE_ROWS, columns=there) if there else ():
                found |= leaves_with_nan(self._in_columns(pl.DataFrame(batch)))
        return found

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows as they come, at most PIECE_ROWS at a time; lazy."""
        with opened_file(self.uri, self.path) as parquet:
            for batch in parquet.iter_batches(PIECE_ROWS):
                yield self._in_columns(pl.DataFrame(batch))

    def _in_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The columns of the table, in its order; text may lie there as categories, else nothing is cast."""
        rows = frame.select(
            pl.col(name) if name in frame.columns else pl.lit(None, kind).alias(name)
            for name, kind in self.columns.items()
        )
        if rows.schema == self.columns:
            return rows
        if _as_stored(rows.schema) != _as_stored(self.columns):
            raise TableSchemaError(
                "a data file has other types than its table",
                where=f"{self.uri}/{self.path}",
                got={name: str(kind) for name, kind in rows.schema.items() if kind != self.columns[name]},
                expected={name: str(self.columns[name]) for name in rows.columns},
                next_step="compact it with the program that made it",
            )
        return rows.cast(self.columns)


def file_columns(table: DeltaTable) -> pl.Schema:
    """The columns of `table` that its files have, in its types: all but the partition columns."""
    partitions = table.metadata().partition_columns
    schema = pl.DataFrame(pa.schema(table.schema().to_arrow()).empty_table()).schema
    return pl.Schema({name: kind for name, kind in schema.items() if name not in partitions})


def _as_stored(schema: pl.Schema) -> str:
    return str(delta_schema(schema).to_json())


def _range(group: Any, path: str) -> tuple[Any, Any] | None:
    """Minimum and maximum of a column in a row group; None where they are not told."""
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema == path:
            told = column.statistics
            return (told.min, told.max) if told is not None and told.has_min_max else None
    return None
