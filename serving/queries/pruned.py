"""A table as DataFusion sees it: a pyarrow dataset that reads no more than a question needs.

DataFusion asks a dataset for its fragments and reads all of them at the same time, so that a table of many
files would be in memory as a whole. It gets a few here, whatever the table, which draw pieces of it by turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

from storage.reading.read_ahead import read_ahead
from storage.skipping.cache import Cache
from storage.skipping.decoded import Decoded
from storage.skipping.fragments import Fragments
from storage.skipping.plan import choose_files
from storage.skipping.reader import TableReader
from storage.skipping.runs import Runs, share_of
from storage.upstream import translated

_BATCHES_AHEAD: Final = 2
Told = Callable[[Exception], Exception]


class PrunedDataset(ds.FileSystemDataset):  # type: ignore[misc] # pyarrow has no types
    """One pinned version of a plain table.

    Args:
        reader: The table.
        readers: How many read at the same time.
        told: Is told each error of reading; gives the one to be raised.
        part: Which share of the files that are asked for, from 0.
        parts: Of how many shares.
        cache: Keeps what was read.
    """

    def __init__(
        self, reader: TableReader, readers: int, told: Told, part: int, parts: int, cache: Cache
    ) -> None:
        self._reader, self._readers, self._told = reader, readers, told
        self._part, self._parts = part, parts
        self._fragments = Fragments(reader.uri, reader.table, cache=cache)
        self._decoded = Decoded(self._fragments, cache)
        self._where: pl.Expr | None = None
        self._alone = False
        empty = self._fragments.dataset([])
        super().__init__([], empty.schema, empty.format, empty.filesystem)

    def narrow(self, where: pl.Expr | None) -> None:
        """Only rows that meet `where` are asked for; others may come too. Before anything else."""
        self._where = where

    def let_go(self) -> None:
        """Each batch has memory of its own from now on: a sort counts all that its batches are cut from."""
        self._alone = True

    @cached_property
    def files(self) -> pl.DataFrame:
        """Those of all shares that may hold rows that are asked for, by the log; as `files_of` gave them."""
        return choose_files(self._reader.files(), self._question).files

    @property
    def table_schema(self) -> pl.Schema:
        """The columns, with the types of Polars."""
        return self._reader.schema

    def get_fragments(self, filter: Any = None) -> Any:
        """What DataFusion reads at the same time."""
        files = share_of(self.files, self._part, self._parts)
        runs = Runs(self._fragments, files, self._question)
        share = _Share(self._fragments.schema, runs, self._decoded, self._alone, self._reader.uri, self._told)
        return iter([share] * self._readers)

    def batches(self, columns: Sequence[str], batch_rows: int) -> Generator[Any]:
        """The rows of the share as `pyarrow.RecordBatch`es; as many readers as DataFusion has read ahead."""
        scans = [one.scanner(None, columns, None, batch_rows) for one in self.get_fragments()]
        with ExitStack() as opened:
            ahead = [read_ahead(one.to_batches(), items=_BATCHES_AHEAD) for one in scans]
            reading = deque(opened.enter_context(closing(one)) for one in ahead)
            while reading:
                reader = reading.popleft()
                if (batch := next(reader, None)) is not None:
                    yield batch
                    reading.append(reader)

    @cached_property
    def _question(self) -> Any:
        return self._reader.question(self._where)


@dataclass(frozen=True)
class _Share:
    """As much of a table as one reader comes to read; what DataFusion takes for a fragment."""

    schema: Any
    runs: Runs
    decoded: Decoded
    alone: bool
    uri: str
    told: Told

    def scanner(self, _schema: Any, columns: Any, filter: Any, batch_size: int, **_options: Any) -> _Scan:
        """What DataFusion draws the rows from; its filters are held back by a fence."""
        if filter is not None:
            raise NotImplementedError("rows are filtered by DataFusion alone")
        return _Scan(self, self.schema.names if columns is None else columns, batch_size)


@dataclass(frozen=True)
class _Scan:
    share: _Share
    columns: Sequence[str]
    batch_rows: int

    @property
    def projected_schema(self) -> Any:
        """The columns that are asked for."""
        return pa.schema([self.share.schema.field(name) for name in self.columns])

    def to_batches(self) -> Generator[Any]:
        """The rows."""
        try:
            with translated("read the table", self.share.uri):
                for piece in self.share.runs:
                    batches = self.share.decoded.batches(piece, self.columns, self.batch_rows)
                    yield from map(_copied, batches) if self.share.alone else batches
        except Exception as error:  # noqa: BLE001 (DataFusion would word it its own way, with paths)
            raise self.share.told(error) from None


def _copied(batch: Any) -> Any:
    return pa.concat_batches([batch, batch.slice(0, 0)])
