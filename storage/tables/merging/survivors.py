"""Files written again without some of their rows."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from storage.errors import TableError
from storage.filesystem import delta_storage_options
from storage.layout.data_file import DataFile
from storage.layout.parquet_file import ParquetFile, encode_parquet
from storage.layout.table_schema import storable_schema
from storage.layout.uploads import Uploads
from storage.tables.merging.rule import MergeRule
from storage.tables.merging.scanning import full_path
from storage.upstream import translated

_AT_ONCE: Final = 2
"""Files that are read and encoded at the same time."""
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
    """New files with the rows that stay, in their order and the same partition; none where nothing stays.

    A file beyond a quarter of the memory becomes several.

    Args:
        uploads: Where the new files go.
        schema: Of the table.

    Raises:
        TableError: A file does not hold the rows that it must.
        StorageError: Reading or writing failed.
    """
    under_way: deque[tuple[Old, Future[list[ParquetFile]]]] = deque()
    with ThreadPoolExecutor(_AT_ONCE, "penstock-merge") as threads:
        try:
            for old in files:
                under_way.append((old, threads.submit(_encoded, uri, old, schema, rule)))
                if len(under_way) > _AT_ONCE:
                    yield from _put(uploads, *under_way.popleft(), rule.prefix)
            while under_way:
                yield from _put(uploads, *under_way.popleft(), rule.prefix)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _put(uploads: Uploads, old: Old, encoded: Future[list[ParquetFile]], prefix: str) -> Iterator[DataFile]:
    folder = "".join(old.path.rpartition("/")[:2])
    for parquet in encoded.result():
        path = f"{folder}{prefix}-{uuid.uuid4().hex}.parquet"
        uploads.put(path, parquet.data)
        now_ms = time.time_ns() // 1_000_000
        yield DataFile(path, len(parquet.data), parquet.rows, old.values, parquet.stats, now_ms)


def _encoded(uri: str, old: Old, schema: pl.Schema, rule: MergeRule) -> list[ParquetFile]:
    stays = np.ones(old.rows, np.bool_)
    stays[old.gone.to_numpy()] = False
    encoded, first = [], 0
    for frame in _frames(uri, old, rule):
        left = frame.filter(pl.Series(stays[first : first + frame.height]))
        first += frame.height
        if left.height:
            encoded.append(encode_parquet(_in_types(left, schema), rule.layout))
    return encoded


def _frames(uri: str, old: Old, rule: MergeRule) -> Iterator[pl.DataFrame]:
    where, options = full_path(uri, old.path), delta_storage_options(uri) or None
    rows = pl.scan_parquet(where, glob=False, hive_partitioning=False, storage_options=options)
    with translated("read a data file", f"{uri}/{old.path}"):
        columns = len(rows.collect_schema())
        step, found = _rows_at_once(old, columns, rule), 0
        for first in range(0, old.rows + 1, step):
            frame = rows.slice(first, step).collect()
            found += frame.height
            if found > old.rows or (frame.height < step and found != old.rows):
                break
            yield frame
    if found != old.rows:
        raise TableError(
            "a data file does not hold the rows that the log says",
            where=f"{uri}/{old.path}",
            got=f"{found:,} rows or more" if found > old.rows else f"{found:,} rows",
            expected=f"{old.rows:,} rows",
            next_step="run penstock verify, and put the file back as it was written",
        )


def _rows_at_once(old: Old, columns: int, rule: MergeRule) -> int:
    unpacked = _UNPACKED * old.size + _VIEW_BYTES * columns * old.rows
    share = rule.memory_bytes / 4 / max(1, unpacked)
    groups = max(1, int(share * old.rows) // rule.layout.row_group_rows)
    return old.rows + 1 if share >= 1 else groups * rule.layout.row_group_rows


def _in_types(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """What other writers stored otherwise, such as times in nanoseconds, as the table has it."""
    storable = storable_schema(frame.schema) if _is_ours(frame.schema, schema) else frame.schema
    return frame.select(
        pl.col(name) if _same(storable[name], schema[name]) else pl.col(name).cast(schema[name])
        for name in frame.columns
        if name in schema
    )


def _is_ours(found: pl.Schema, schema: pl.Schema) -> bool:
    return all(_same(dtype, schema.get(name)) for name, dtype in found.items())


def _same(found: pl.DataType, wanted: pl.DataType | None) -> bool:
    return found == wanted or (isinstance(found, pl.Categorical) and wanted == pl.String)
