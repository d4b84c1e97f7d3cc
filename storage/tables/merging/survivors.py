"""Files written again without some of their rows; memory is bounded, whatever the files are like."""

from __future__ import annotations

import io
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import Final

import numpy as np
import polars as pl

from storage.errors import TableError
from storage.filesystem import delta_storage_options, is_remote
from storage.layout.data_file import DataFile
from storage.layout.encodings import Encodings, encodings_for
from storage.layout.leaves import leaves
from storage.layout.parquet_file import ParquetFile, encode_parquet, even_share
from storage.layout.row_groups import RowGroups
from storage.layout.uploads import Uploads
from storage.tables.merging.rule import MergeRule
from storage.tables.merging.scanning import full_path
from storage.upstream import translated

_AT_ONCE: Final = 2
"""Files that are read and encoded at the same time, where that takes time of the processor alone."""
_WAITING_AT_ONCE: Final = 8
"""Small files of an object store, whose answers take longer than the work."""
_UNPACKED: Final = 8
"""Times that a compressed file grows in memory, about, beside the views of its text."""
_VIEW_BYTES: Final = 16


@dataclass(frozen=True)
class Old:
    """A file, and what is to go.

    Attributes:
        path: Relative to the table, as the store has it.
        rows: How many it must hold.
        gone: Numbers of rows, from 0.
    """

    path: str
    size: int
    rows: int
    values: Mapping[str, str | None]
    gone: pl.Series


def survivors(
    uri: str, uploads: Uploads, files: Iterable[Old], schema: pl.Schema, rule: MergeRule
) -> Iterator[DataFile]:
    """A new file for each old one, with the rows that stay, in their order; none where nothing stays.

    Args:
        uploads: Where the new files go.
        schema: Of the table.

    Raises:
        TableError: A file does not hold the rows that it must.
        StorageError: Reading or writing failed.
    """
    encoder, files = _Encoder(uri, schema, rule), list(files)
    at_once = encoder.at_once(files)
    under_way: deque[tuple[Old, Future[ParquetFile | None]]] = deque()
    with ThreadPoolExecutor(at_once, "penstock-merge") as threads:
        try:
            for old in files:
                under_way.append((old, threads.submit(encoder.encoded, old)))
                if len(under_way) > at_once:
                    yield from _put(uploads, *under_way.popleft(), rule.prefix)
            while under_way:
                yield from _put(uploads, *under_way.popleft(), rule.prefix)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _put(uploads: Uploads, old: Old, encoded: Future[ParquetFile | None], prefix: str) -> Iterator[DataFile]:
    parquet = encoded.result()
    if parquet is not None:
        path = f"{''.join(old.path.rpartition('/')[:2])}{prefix}-{uuid.uuid4().hex}.parquet"
        uploads.put(path, parquet.data)
        now_ms = time.time_ns() // 1_000_000
        yield DataFile(path, len(parquet.data), parquet.rows, old.values, parquet.stats, now_ms)


class _Encoder:
    """Makes the new files, in several threads; what encodings suit the first suit all of them."""

    def __init__(self, uri: str, schema: pl.Schema, rule: MergeRule) -> None:
        self._uri, self._rule = uri, rule
        self._columns = {name: kind for name, kind in schema.items() if name not in rule.partition_by}
        self._choosing, self._chosen = Lock(), Encodings()

    def at_once(self, files: Iterable[Old]) -> int:
        """How many of `files` together take half of the memory at most."""
        if not is_remote(self._uri):
            return _AT_ONCE
        largest = max(map(self._unpacked, files), default=1.0)
        return max(_AT_ONCE, min(_WAITING_AT_ONCE, int(self._rule.memory_bytes / 2 / largest)))

    def encoded(self, old: Old) -> ParquetFile | None:
        """The file with the rows that stay; None where there are none."""
        frames = self._staying(old)
        first = next(frames, None)
        if first is None:
            return None
        if self._fits(old):
            return encode_parquet(first, self._rule.layout)
        sink, rows = io.BytesIO(), 0
        nan = self._nan(old, first.schema)
        layout = self._rule.layout
        file = RowGroups(sink, first.schema, layout, self._encodings(first), nan)
        for frame in chain([first], frames):
            rows += frame.height
            for group in frame.iter_slices(even_share(frame.height, layout.row_group_rows)):
                file.write(group)
        stats = file.finish()
        return ParquetFile(sink.getvalue(), rows, stats)

    def _encodings(self, rows: pl.DataFrame) -> Encodings:
        with self._choosing:
            if not self._chosen.chosen:
                self._chosen = encodings_for(rows)
            return self._chosen

    def _nan(self, old: Old, schema: pl.Schema) -> frozenset[int]:
        """The leaves with a NaN anywhere in a file that is too large to be seen as a whole."""
        floats = [leaf for leaf in leaves(schema) if leaf.dtype.is_float()]
        checks = {
            str(leaf.position): pl.lit(True) if leaf.values is None else leaf.values.is_nan().any()
            for leaf in floats
        }
        with translated("read a data file", f"{self._uri}/{old.path}"):
            found = self._scan(old).select(**checks).collect(engine="streaming")
        return frozenset(int(position) for position in found.columns if found[position].any())

    def _staying(self, old: Old) -> Iterator[pl.DataFrame]:
        """The rows that stay, a frame at a time, none of them empty."""
        stays, first = np.ones(old.rows, np.bool_), 0
        stays[old.gone.to_numpy()] = False
        for frame in self._frames(old):
            left = frame.filter(pl.Series(stays[first : first + frame.height]))
            first += frame.height
            if left.height:
                yield _in_types(left, self._columns)

    def _frames(self, old: Old) -> Iterator[pl.DataFrame]:
        """All rows of a file; checks that they are as many as there must be."""
        rows, step, found = self._scan(old), self._rows_at_once(old), 0
        with translated("read a data file", f"{self._uri}/{old.path}"):
            for first in range(0, old.rows + 1, step):
                frame = rows.slice(first, step).collect()
                found += frame.height
                if found > old.rows:
                    break
                yield frame
        if found != old.rows:
            raise TableError(
                "a data file does not hold the rows that the log says",
                where=f"{self._uri}/{old.path}",
                got=f"{found:,} rows or more" if found > old.rows else f"{found:,} rows",
                expected=f"{old.rows:,} rows",
                next_step="run penstock verify, and put the file back as it was written",
            )

    def _scan(self, old: Old) -> pl.LazyFrame:
        where, options = full_path(self._uri, old.path), delta_storage_options(self._uri) or None
        return pl.scan_parquet(where, glob=False, hive_partitioning=False, storage_options=options)

    def _fits(self, old: Old) -> bool:
        return self._rows_at_once(old) > old.rows

    def _rows_at_once(self, old: Old) -> int:
        """More than the file has, where it fits into a quarter of the memory; else some row groups."""
        share = self._rule.memory_bytes / 4 / self._unpacked(old)
        group_rows = self._rule.layout.row_group_rows
        return old.rows + 1 if share >= 1 else max(1, int(share * old.rows) // group_rows) * group_rows

    def _unpacked(self, old: Old) -> float:
        """Bytes of its rows in memory, about."""
        return 1.0 + _UNPACKED * old.size + _VIEW_BYTES * len(self._columns) * old.rows


def _in_types(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """What other writers stored otherwise, such as times in nanoseconds, as the table has it."""
    return frame.select(
        pl.col(name) if _same(dtype, schema[name]) else pl.col(name).cast(schema[name])
        for name, dtype in frame.schema.items()
        if name in schema
    )


def _same(found: pl.DataType, wanted: pl.DataType) -> bool:
    return found == wanted or (isinstance(found, pl.Categorical) and wanted == pl.String)
