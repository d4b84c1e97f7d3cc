"""Which partitions of a source table are to be read as a whole, because something in them changed.

A partition is due where it was never read, or changed after the version that it was last read at. All of them
are read at the newest version, so that nothing depends on files that are no longer part of the table.

Each batch notes a version `since`: of all partitions that had been read by then, none had a change up to it
that was not taken in. So the next plan need not look further back.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import polars as pl
from deltalake import DeltaTable

from storage.errors import TableError
from storage.layout.partitions import folder
from storage.tables.feed.pieces import Piece, partition_key
from storage.tables.feed.source_log import SourceFile, SourceVersion, snapshot, table_root, versions_between

Unit = list[tuple[Piece, SourceFile]]


def partition_units(uri: str, table: DeltaTable, told: pl.DataFrame) -> Iterator[Unit]:
    """The files of each partition that is due, in the order of partitions; one without rows has a stand-in.

    Args:
        uri: The source table's.
        table: Its newest version.
        told: What the ledger has, as `parsed` gives it, and `in_force`.

    Raises:
        TableError: The table has no partitions, or a version in between is not told of any more.
    """
    _check_partitioned(uri, table)
    newest, taken = table.version(), _last_read(told.filter("in_force"))
    undone = {key for key, version in _last_read(told).items() if version != taken.get(key)}
    since = _since(told, newest)
    files: dict[str, list[SourceFile]] = defaultdict(list)
    for file in snapshot(uri, table):
        files[partition_key(file.values)].append(file)
    changes = _changes(versions_between(uri, since + 1, newest))
    late = {key: first for key, at in changes.items() if key in taken and (first := _after(at, taken[key]))}
    noted = min((first.version for first in late.values()), default=newest + 1) - 1
    for key in sorted((files.keys() - taken.keys()) | late.keys() | undone):
        values = json.loads(key)  # row objects allowed: one partition
        piece = Piece(str(table.metadata().id), newest, "partition", None, values, noted)
        yield [(replace(piece, rows=file.rows), file) for file in files.get(key, ())] or [
            _stand_in(uri, piece, late.get(key))
        ]


def _check_partitioned(uri: str, table: DeltaTable) -> None:
    if not table.metadata().partition_columns:
        raise TableError(
            "the source table has no partitions",
            where=uri,
            expected="a partitioned table, for source.read: partitions",
            next_step="set source.read: appends, or changes; or partition the source",
        )


def _last_read(told: pl.DataFrame) -> dict[str, int]:
    """The version at which each partition was last read, by its key."""
    newest = told.group_by("values").agg(pl.col("version").max())
    return dict(zip(newest["values"], newest["version"], strict=True))


def _since(told: pl.DataFrame, newest: int) -> int:
    """What the last batch noted; where there was none, no change can have been missed."""
    last = told.filter(pl.col("version") == pl.col("version").max())["since"]
    return newest if last.is_empty() else max(last)


class _Change(NamedTuple):
    """A version that changed a partition, and when, in milliseconds since 1970-01-01 UTC."""

    version: int
    at_ms: int


def _changes(versions: Iterable[SourceVersion]) -> Mapping[str, list[_Change]]:
    """Those of each partition, in order."""
    found: dict[str, list[_Change]] = defaultdict(list)
    for version in versions:
        files = (*version.added, *version.removed)
        for key, at_ms in {partition_key(file.values): file.modified_ms for file in files}.items():
            found[key].append(_Change(version.version, at_ms))
    return found


def _after(changes: Iterable[_Change], version: int) -> _Change | None:
    """The first that is later than `version`; None where none is."""
    return next((one for one in changes if one.version > version), None)


def _stand_in(uri: str, piece: Piece, change: _Change | None) -> tuple[Piece, SourceFile]:
    """For a partition whose rows are all gone: there is no file, but a batch must know of it."""
    path = f"{table_root(uri)}/{folder(piece.values)}"
    at_ms = change.at_ms if change else 0
    return replace(piece, what="no rows", rows=0), SourceFile(path, 0, 0, piece.values, at_ms)
