"""The rows of the files of a source table, with the columns that are not in them.

A data file lacks the partition columns, whose values the log has; with `changes`, each row also says what
became of it and in which version. Files are opened by the process that opens those of landing zones, because
anybody may have written them; but what cannot be read of them fails the batch: a table is a promise, and its
log tells how many rows each file holds.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from config.names import CHANGE, VERSION
from storage.errors import FileVanishedError, TableError
from storage.reading.block_builder import Damage
from storage.reading.rows import Rows
from storage.reading.typed.reader_process import ReaderProcess
from storage.reading.typed_files import read_rows
from storage.tables.feed.difference import differences
from storage.tables.feed.partition_columns import partition_arrays
from storage.tables.feed.pieces import Piece, pieces_of
from storage.tables.feed.source_log import START_AGAIN


@dataclass(frozen=True)
class FeedReader:
    """Reads files of one source table.

    Attributes:
        schema: The columns of the table, partition columns too.
        partition_columns: Their names.
        changes: Whether rows get the columns `_change` and `_version`.
        process: What opens the files; the caller's to close.
        batch_bytes: About the size of a record batch.
        memory_bytes: What the process may take to read a file, beyond what it takes by itself.
        max_unpacked_bytes: See `storage.reading.typed_files.read_rows`.
    """

    schema: pa.Schema
    partition_columns: Sequence[str]
    changes: bool
    process: ReaderProcess
    batch_bytes: int
    memory_bytes: int
    max_unpacked_bytes: int

    def read(self, files: pl.DataFrame) -> Generator[Rows]:
        """The rows of all files in order; of a version that wrote files again, only those that differ.

        Args:
            files: Columns path, identity and size, as the ledger has them.

        Raises:
            TableError: A file was vacuumed, or does not hold what the log says.
            StorageError: A file cannot be read.
        """
        batch = _Batch(list(files["path"]), list(files["size"]), pieces_of(files["identity"]))
        kept = differences(batch.pieces, lambda numbers: self._plain(batch, numbers), self.schema)
        given = [0] * len(batch.pieces)
        for rows in self._plain(batch, range(len(batch.pieces))):
            found, number = kept.of(rows.file, rows), rows.file
            if found.num_rows:
                full = self._with_columns(found, batch.pieces[number], batch.paths[number])
                yield Rows(number, given[number], full)
            given[number] += found.num_rows

    def _plain(self, batch: _Batch, numbers: Sequence[int]) -> Generator[Rows]:
        """The rows of the files with these numbers, as the files have them; `Rows.file` is the number."""
        there = [number for number in numbers if batch.pieces[number].what != "no rows"]
        found = dict.fromkeys(there, 0)
        try:
            with closing(self._read(batch, there)) as items:
                for item in items:
                    number = there[item.file]
                    if isinstance(item, Damage):
                        raise _damaged(batch.paths[number], f"{item.reason}, after {found[number]:,} rows")
                    found[number] += item.batch.num_rows
                    yield Rows(number, item.first, item.batch)
        except FileVanishedError as error:
            raise _vacuumed(error) from error
        for number, rows in found.items():
            expected = batch.pieces[number].rows
            if expected not in (None, rows):
                raise _damaged(batch.paths[number], f"{rows:,} rows, and {expected:,} by the log")

    def _read(self, batch: _Batch, numbers: Sequence[int]) -> Generator[Rows | Damage]:
        return read_rows(
            [batch.paths[number] for number in numbers],
            [batch.sizes[number] for number in numbers],
            formats=["parquet"] * len(numbers),
            compression="none",
            batch_bytes=self.batch_bytes,
            max_record_bytes=0,
            max_unpacked_bytes=self.max_unpacked_bytes,
            memory_bytes=self.memory_bytes,
            process=self.process,
        )

    def _with_columns(self, batch: pa.RecordBatch, piece: Piece, path: str) -> pa.RecordBatch:
        count, columns = batch.num_rows, dict(zip(batch.schema.names, batch.columns, strict=True))
        columns |= partition_arrays(self.schema, self.partition_columns, piece.values, count, where=path)
        if self.changes:
            what = pa.scalar("delete" if piece.what == "removed" else "insert")
            columns[CHANGE] = pa.repeat(what, count)
            columns[VERSION] = pa.repeat(pa.scalar(piece.version, pa.int64()), count)
        return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


@dataclass(frozen=True)
class _Batch:
    """The files of a batch, in order."""

    paths: Sequence[str]
    sizes: Sequence[int]
    pieces: Sequence[Piece]


def _damaged(path: str, got: str) -> TableError:
    return TableError(
        "a data file of the source table does not hold what the log says",
        where=path,
        got=got,
        expected="all rows of the file",
        next_step="put the file back as it was written, and run again: the batch is kept",
    )


def _vacuumed(error: FileVanishedError) -> TableError:
    return TableError(
        "a data file of the source table is gone, which this batch needs",
        where=error.where,
        got="no file",
        expected="files that are not vacuumed before all who follow the table have read them",
        next_step=f"put the file back, and run again; else {START_AGAIN}, and keep files longer "
        "(table.upkeep.keep of the pipeline that writes the source)",
    )
