"""Files written again without some of their rows; memory is bounded, whatever the files are like."""

from __future__ import annotations

import io
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from threading import Lock
from typing import IO, Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from storage.errors import TableError
from storage.filesystem import delta_storage_options, is_remote, open_filesystem
from storage.layout.data_file import OURS, DataFile
from storage.layout.encodings import Encodings, encodings_for
from storage.layout.file_statistics import file_statistics
from storage.layout.leaves import leaves
from storage.layout.parquet_file import even_share, is_plain, polars_options
from storage.layout.row_groups import RowGroups
from storage.layout.uploads import Uploads
from storage.tables.merging.rule import MergeRule
from storage.tables.merging.scanning import ROW, full_path
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
    writer, files = _Writer(uri, uploads, schema, rule), list(files)
    with ThreadPoolExecutor(writer.at_once(files), "penstock-merge") as threads:
        try:
            yield from filter(None, threads.map(writer.written, files))
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


class _Writer:
    """Makes the new files, in several threads; what encodings suit the first suit all of them."""

    def __init__(self, uri: str, uploads: Uploads, schema: pl.Schema, rule: MergeRule) -> None:
        self._uri, self._uploads, self._rule = uri, uploads, rule
        self._columns = {name: kind for name, kind in schema.items() if name not in rule.partition_by}
        self._choosing, self._chosen = Lock(), Encodings()

    def at_once(self, files: Iterable[Old]) -> int:
        """How many of `files` together take half of the memory at most."""
        if not is_remote(self._uri):
            return _AT_ONCE
        largest = max(map(self._unpacked, files), default=1.0)
        return max(_AT_ONCE, min(_WAITING_AT_ONCE, int(self._rule.memory_bytes / 2 / largest)))

    def written(self, old: Old) -> DataFile | None:
        """The file with the rows that stay; None where there are none."""
        rows = old.rows - len(old.gone)
        if not rows:
            return None
        path = f"{''.join(old.path.rpartition('/')[:2])}{self._rule.prefix}-{uuid.uuid4().hex}.parquet"
        nan = self._nan(old)
        write = self._stream if not nan and is_plain(self._rule.layout) else partial(self._group, nan)
        with self._uploads.sink(path) as sink:
            stats = write(old, sink)
            size = sink.seek(0, io.SEEK_END)
        return DataFile(path, size, rows, old.values, stats, time.time_ns() // 1_000_000)

    def _stream(self, old: Old, sink: IO[bytes]) -> str:
        """One query from file to file, on all cores: twice as fast as `_group`. Gives the statistics."""
        group_rows = even_share(old.rows - len(old.gone), self._rule.layout.row_group_rows)
        rows = self._scan(old)
        with translated("read a data file", f"{self._uri}/{old.path}"):
            _check_rows(self._uri, old, rows.select(pl.len()).collect().item())
            staying = rows.with_row_index(ROW).filter(pl.lit(_staying(old)).gather(pl.col(ROW)))
            found = _in_types(staying, self._columns)
            found.sink_parquet(sink, engine="streaming", **polars_options(group_rows))
        footer = pq.read_metadata(sink)
        _check_rows(self._uri, old, footer.num_rows + len(old.gone))
        return file_statistics(found.collect_schema(), footer)

    def _group(self, nan: frozenset[int], old: Old, sink: IO[bytes]) -> str:
        """Row group by row group, as the layout asks for. Gives the statistics."""
        frames = self._frames_staying(old)
        first = next(frames)
        layout = self._rule.layout
        file = RowGroups(sink, first.schema, layout, self._encodings(first), nan)
        for frame in chain([first], frames):
            for group in frame.iter_slices(even_share(frame.height, layout.row_group_rows)):
                file.write(group)
        return file.finish()

    def _encodings(self, rows: pl.DataFrame) -> Encodings:
        with self._choosing:
            if not self._chosen.chosen:
                self._chosen = encodings_for(rows)
            return self._chosen

    def _nan(self, old: Old) -> frozenset[int]:
        """The leaves with a NaN anywhere in a file, which may be too large to be seen as a whole."""
        rows = self._scan(old)
        found = leaves(_in_types(rows, self._columns).collect_schema())
        checks = {
            str(leaf.position): pl.lit(True) if leaf.values is None else leaf.values.is_nan().any()
            for leaf in found
            if leaf.dtype.is_float()
        }
        with translated("read a data file", f"{self._uri}/{old.path}"):
            if not checks or self._bounds_its_floats(old, rows):
                return frozenset()
            seen = rows.select(**checks).collect(engine="streaming")
        return frozenset(int(position) for position in seen.columns if seen[position].any())

    def _bounds_its_floats(self, old: Old, rows: pl.LazyFrame) -> bool:
        """Whether the footer alone tells that no float is NaN."""
        if not re.search(OURS, old.path):
            return False
        filesystem, root = open_filesystem(self._uri)
        with filesystem.open(f"{root}/{old.path}", "rb") as file:
            footer = pq.read_metadata(file)
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        floats = [leaf.position for leaf in leaves(rows.collect_schema()) if leaf.dtype.is_float()]
        told = (group.column(position).statistics for group in groups for position in floats)
        return all(one is not None and one.has_min_max for one in told)

    def _frames_staying(self, old: Old) -> Iterator[pl.DataFrame]:
        """The rows that stay, a frame at a time, none of them empty."""
        stays, first = _staying(old), 0
        for frame in self._frames(old):
            left = frame.filter(stays.slice(first, frame.height))
            first += frame.height
            if left.height:
                yield _in_types(left.lazy(), self._columns).collect()

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
        _check_rows(self._uri, old, found)

    def _scan(self, old: Old) -> pl.LazyFrame:
        where, options = full_path(self._uri, old.path), delta_storage_options(self._uri) or None
        return pl.scan_parquet(where, glob=False, hive_partitioning=False, storage_options=options)

    def _rows_at_once(self, old: Old) -> int:
        """More than the file has, where it fits into a quarter of the memory; else some row groups."""
        share = self._rule.memory_bytes / 4 / self._unpacked(old)
        group_rows = self._rule.layout.row_group_rows
        return old.rows + 1 if share >= 1 else max(1, int(share * old.rows) // group_rows) * group_rows

    def _unpacked(self, old: Old) -> float:
        """Bytes of its rows in memory, about."""
        return 1.0 + _UNPACKED * old.size + _VIEW_BYTES * len(self._columns) * old.rows


def _staying(old: Old) -> pl.Series:
    stays = np.ones(old.rows, np.bool_)
    stays[old.gone.to_numpy()] = False
    return pl.Series(stays)


def _check_rows(uri: str, old: Old, found: int) -> None:
    if found != old.rows:
        raise TableError(
            "a data file does not hold the rows that the log says",
            where=f"{uri}/{old.path}",
            got=f"{found:,} rows or more" if found > old.rows else f"{found:,} rows",
            expected=f"{old.rows:,} rows",
            next_step="run penstock verify, and put the file back as it was written",
        )


def _in_types(rows: pl.LazyFrame, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """What other writers stored otherwise, such as times in nanoseconds, as the table has it."""
    return rows.select(
        pl.col(name) if _same(dtype, schema[name]) else pl.col(name).cast(schema[name])
        for name, dtype in rows.collect_schema().items()
        if name in schema
    )


def _same(found: pl.DataType, wanted: pl.DataType) -> bool:
    return found == wanted or (isinstance(found, pl.Categorical) and wanted == pl.String)
