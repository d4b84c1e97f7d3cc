"""A table as DataFusion sees it: a pyarrow dataset that reads no more than a question needs.

DataFusion asks a dataset for its fragments and reads all of them at the same time, so that a table of many
files would be in memory as a whole. It gets a few here, whatever the table, which draw pieces of it by turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

from serving.queries.conditions import as_polars
from storage.skipping.fragments import Fragments
from storage.skipping.reader import TableReader
from storage.skipping.runs import Runs, share_of


class PrunedDataset(ds.FileSystemDataset):  # type: ignore[misc] # pyarrow has no types
    """One pinned version of a plain table.

    Args:
        reader: The table.
        readers: How many read at the same time.
        part: Which share of its files, from 0.
        parts: Of how many shares.
    """

    def __init__(self, reader: TableReader, readers: int, part: int = 0, parts: int = 1) -> None:
        self._reader, self._readers = reader, readers
        self._fragments = Fragments(reader.uri, reader.table)
        self._files = share_of(reader.files(), part, parts)
        self._where: pl.Expr | None = None
        empty = self._fragments.dataset([])
        super().__init__([], empty.schema, empty.format, empty.filesystem)

    def narrow(self, condition: Any) -> None:
        """Only rows that meet `condition` are asked for, a `datafusion.Expr`; others may come too."""
        self._where = as_polars(condition, self._reader.schema)

    def get_fragments(self, filter: Any = None) -> Any:
        """What DataFusion reads at the same time; `filter` comes again with each."""
        runs = Runs(self._fragments, self._files, self._reader.question(self._where))
        return iter([_Share(self._fragments, runs) for _ in range(self._readers)])


@dataclass(frozen=True)
class _Share:
    """As much of a table as one reader comes to read; what DataFusion takes for a fragment."""

    fragments: Fragments
    runs: Runs

    def scanner(self, _schema: Any, columns: Any, filter: Any, batch_size: int, **_options: Any) -> _Scan:
        """What DataFusion draws the rows from."""
        return _Scan(self, columns, filter, batch_size)


@dataclass(frozen=True)
class _Scan:
    share: _Share
    columns: Any
    filter: Any
    batch_rows: int

    @property
    def projected_schema(self) -> Any:
        """The columns that are asked for."""
        schema = self.share.fragments.schema
        return schema if self.columns is None else pa.schema([schema.field(name) for name in self.columns])

    def to_batches(self) -> Iterator[Any]:
        """The rows that meet the filter."""
        for piece in self.share.runs:
            yield from self.share.fragments.dataset([piece]).to_batches(
                columns=self.columns, filter=self.filter, batch_size=self.batch_rows, use_threads=False
            )
