"""Small files made large: the same rows, sorted together, in one commit a unit that changes no rows.

A unit is files of one partition, as many as can be merged within the memory. Files come first, the commit is
last: a process that is killed on the way leaves files that no reader sees, and that vacuum finds.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from storage.errors import StaleReadError, TableError, UnavailableError
from storage.layout.data_file import DataFile
from storage.layout.file_layout import FileLayout, path_of
from storage.layout.leaves import leaves
from storage.layout.sort_keys import sort_keys
from storage.layout.uploads import remove_files
from storage.layout.z_order import z_ordered
from storage.maintenance.file_rows import FileRows, file_columns
from storage.maintenance.files import active_file, values_of
from storage.maintenance.merged_file import PREFIX, Cut, write_merged
from storage.maintenance.passes import by_passes
from storage.maintenance.sorted_runs import merged
from storage.maintenance.units import PARTS_OF_MEMORY, pass_bytes, units
from storage.tables.replacing.replacement import Replacement, commit_replacement
from storage.tables.schema.statistics_columns import promised
from storage.upstream import translated

_log = logging.getLogger(__name__)

OPERATION: Final = "OPTIMIZE"
_UNPACKED: Final = 5
"""Bytes in memory of a byte in a file, about."""
_ANSWERS: Final = 3
"""Times that a commit is asked for of which nobody knows whether it happened."""


@dataclass
class Compacted:
    """What has been done.

    Attributes:
        units: Commits.
        stale: Units that others were faster with; nothing of these is done.
    """

    units: int = 0
    files_removed: int = 0
    files_added: int = 0
    bytes_removed: int = 0
    bytes_added: int = 0
    rows: int = 0
    stale: int = 0


def compact(
    uri: str, table: DeltaTable, files: pl.DataFrame, layout: FileLayout, memory_bytes: int
) -> Compacted:
    """Writes `files` again as fewer and larger ones; each unit is a commit of its own, or nothing.

    Safe to stop, to repeat and to race: whoever else changes these files, the slower one gives its unit up.

    Args:
        table: Where they were looked at; changed in place, to newer versions.
        files: In the columns of FILES_SCHEMA, those of a partition together.
        layout: Of the new files; they tell bounds of what the table promises, if of nothing else.
        memory_bytes: The budget of this process.

    Raises:
        TableSchemaError: Final. A sort column is not there, or a file has other types than the table.
        StorageError: Reading or writing failed, see `retryable`.
    """
    done = Compacted()
    columns = file_columns(table)
    sort_keys(columns, layout.sort_by)
    layout = replace(layout, statistics=_statistics(table, columns, layout))
    for partition in files.partition_by("partition", maintain_order=True):
        for unit in units(uri, partition, columns, layout, memory_bytes):
            _compact(uri, table, unit, columns, layout, memory_bytes, done)
    return done


def reachable(layout: FileLayout, memory_bytes: int) -> FileLayout:
    """`layout` with the file size that compaction gets to.

    Along a Z-order curve all rows of a file are sorted together, in memory, where they take more room.
    """
    if not layout.z_order_by:
        return layout
    return replace(layout, file_size=min(layout.file_size, memory_bytes // PARTS_OF_MEMORY // _UNPACKED))


def _statistics(table: DeltaTable, columns: pl.Schema, layout: FileLayout) -> tuple[str, ...] | None:
    """What the layout names; all columns where the table promises bounds of others, which readers go by."""
    there, named = promised(table), layout.statistics
    if named is None or there is None:
        return None
    wanted = {path_of(columns, name) for name in named}
    theirs = (leaf for leaf in leaves(columns) if leaf.path[0] in there and not leaf.repeated)
    return named if all(leaf.path in wanted for leaf in theirs) else None


def _compact(
    uri: str,
    table: DeltaTable,
    unit: pl.DataFrame,
    columns: pl.Schema,
    layout: FileLayout,
    memory_bytes: int,
    done: Compacted,
) -> None:
    written = _write(uri, unit, columns, layout, memory_bytes)
    removes = [
        active_file(*one) for one in unit.select("path", "size", "partition").iter_rows()
    ]  # row objects allowed: one a file
    told = {"maintains": "compact", "commit_id": uuid.uuid4().hex}
    replacement = Replacement(removes, written, OPERATION, False, frozenset(), told)
    try:
        _commit(uri, table, replacement)
    except StaleReadError as error:
        _log.info("left to others: %s", error)
        remove_files(uri, [file.path for file in written])
        done.stale += 1
        return
    finally:
        with translated("open the table", uri):
            table.update_incremental()
    done.units += 1
    done.files_removed += len(removes)
    done.files_added += len(written)
    done.bytes_removed += int(unit["size"].sum())
    done.bytes_added += sum(file.size for file in written)
    done.rows += sum(file.rows for file in written)


def _commit(uri: str, table: DeltaTable, replacement: Replacement) -> None:
    for _ in range(_ANSWERS - 1):
        with suppress(UnavailableError):
            commit_replacement(uri, table, replacement)
            return
    commit_replacement(uri, table, replacement)


def _write(
    uri: str, unit: pl.DataFrame, columns: pl.Schema, layout: FileLayout, memory_bytes: int
) -> list[DataFile]:
    """The new files of a unit, of about the same number of rows; none is left where one cannot be written."""
    files = [FileRows(uri, path, columns) for path in unit["path"]]
    keys = sort_keys(columns, layout.sort_by)
    count = _rows(unit, files)
    each = -(-count // max(1, round(int(unit["size"].sum()) / layout.file_size)))
    nan = frozenset[int]().union(*(file.leaves_with_nan() for file in files))
    runs = _runs(unit, files, keys, pass_bytes(memory_bytes))
    values = values_of(unit["partition"][0])
    folder = "".join(unquote(unit["path"][0]).rpartition("/")[:2])
    paths: list[str] = []
    written: list[DataFile] = []
    try:
        with closing(_in_order(runs, keys, layout)) as frames:
            rows = Cut(frames)
            for first in range(0, count, each):
                paths.append(f"{folder}{PREFIX}-{uuid.uuid4().hex}.parquet")
                some = min(each, count - first)
                written.append(write_merged(uri, paths[-1], rows, some, values, layout=layout, nan=nan))
            _check_rows(uri, count, sum(file.rows for file in written) + rows.left())
    except BaseException:
        remove_files(uri, paths)
        raise
    return written


def _runs(
    unit: pl.DataFrame, files: Sequence[FileRows], keys: Sequence[pl.Expr], bytes_of_a_pass: int
) -> list[Iterator[pl.DataFrame]]:
    """One for each file, and one for those together that take several passes."""
    ways = list(zip(files, unit["way"], strict=True))
    runs = [file.pieces(keys, whole=way == "whole") for file, way in ways if way != "passes"]
    several = [file for file, way in ways if way == "passes"]
    if several:
        rows = int(unit.filter(pl.col("way") == "passes")["rows"].sum())
        runs.append(by_passes(several, keys, rows, bytes_of_a_pass // int(unit["row_bytes"][0])))
    return runs


def _in_order(
    runs: Sequence[Iterator[pl.DataFrame]], keys: Sequence[pl.Expr], layout: FileLayout
) -> Generator[pl.DataFrame]:
    if layout.z_order_by and not keys:
        yield z_ordered(pl.concat([frame for run in runs for frame in run]), layout.z_order_by)
    else:
        yield from merged(runs, keys)


def _rows(unit: pl.DataFrame, files: Sequence[FileRows]) -> int:
    if unit["rows"].null_count() == 0:
        return int(unit["rows"].sum())
    return sum(file.height() for file in files)


def _check_rows(uri: str, expected: int, found: int) -> None:
    if expected != found:
        raise TableError(
            "the files of a table do not hold the rows that the log says",
            where=uri,
            got=f"{found:,} rows",
            expected=f"{expected:,} rows",
            next_step="run penstock verify, and put the files back as they were written",
        )
