"""Row groups as Arrow: decoded once, and kept by columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from storage.skipping.cache import Cache
from storage.skipping.fragments import Fragments

_SHARE: Final = 8
"""Of a cache: what is larger than one of so many parts of it is not kept, nor held in memory as a whole."""

_Columns = Mapping[tuple[int, str], Any]
"""Columns of row groups, `pyarrow.ChunkedArray`s: by the number of the row group and the name."""


class Decoded:
    """The rows of the files of one table, from memory where somebody has asked for them before.

    Args:
        fragments: Of the table.
        cache: Keeps columns; shared with other tables, and versions.
    """

    def __init__(self, fragments: Fragments, cache: Cache) -> None:
        self._fragments, self._cache = fragments, cache
        self._most_bytes = cache.most_bytes // _SHARE

    def batches(self, piece: Any, columns: Sequence[str], batch_rows: int) -> Iterator[Any]:
        """The rows of row groups of one file as `pyarrow.RecordBatch`es, in their order; lazy.

        Args:
            piece: A fragment of these row groups, as `Opened.parts` gave it.
            columns: Names of columns of the table.
            batch_rows: No batch has more.
        """
        found = self._found(piece, columns) if columns and self._may_be_kept(piece, columns) else None
        if found is None:
            yield from self._fragments.in_order(piece, columns, batch_rows)
            return
        schema = pa.schema([self._fragments.schema.field(name) for name in columns])
        for group in piece.row_groups:
            arrays = [found[group.id, name] for name in columns]
            yield from pa.Table.from_arrays(arrays, schema=schema).to_batches(max_chunksize=batch_rows)

    def _may_be_kept(self, piece: Any, columns: Sequence[str]) -> bool:
        """Whether `columns` are small enough, as far as the footer tells; dictionaries unfold."""
        packed = sum(int(group.total_byte_size) for group in piece.row_groups)
        return packed * len(columns) < self._most_bytes * len(self._fragments.schema)

    def _found(self, piece: Any, columns: Sequence[str]) -> _Columns | None:
        """All `columns`; None where they are too large to be held."""
        kept = self._kept(piece, columns)
        if len(kept) == len(columns) * len(piece.row_groups):
            return kept
        with self._cache.reading(piece.path):
            kept = self._kept(piece, columns)
            missing = [n for n in columns if any((group.id, n) not in kept for group in piece.row_groups)]
            read = self._read(piece, missing)
            return None if read is None else {**kept, **read}

    def _kept(self, piece: Any, columns: Sequence[str]) -> _Columns:
        wanted = ((group.id, name) for group in piece.row_groups for name in columns)
        found = ((one, self._cache.get(self._key(piece, *one))) for one in wanted)
        return {one: column for one, column in found if column is not None}

    def _read(self, piece: Any, columns: Sequence[str]) -> _Columns | None:
        """Decodes them, and keeps them."""
        if not columns:
            return {}
        batches, left = [], self._most_bytes
        for batch in self._fragments.in_order(piece, columns):
            batches.append(batch)
            left -= batch.nbytes
            if left < 0:
                return None
        table, first = pa.Table.from_batches(batches), 0
        read: dict[tuple[int, str], Any] = {}
        for group in piece.row_groups:
            for name, column in zip(columns, table.slice(first, group.num_rows).columns, strict=True):
                read[group.id, name] = column
                self._cache.put(self._key(piece, group.id, name), column, column.nbytes)
            first += group.num_rows
        return read

    def _key(self, piece: Any, group: int, name: str) -> tuple[str, int, str, Any]:
        """The type too: a later version of the table may have the column in a wider one."""
        return piece.path, group, name, self._fragments.schema.field(name).type
