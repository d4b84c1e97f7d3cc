"""Which batches were taken in, also after their files have left the landing zone: the ledgers say so."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from config.pipeline import Pipeline
from serving.push.place import Place
from storage.tables.delta import open_table
from storage.tables.ledger.planned import ledger_uri, rows_of, undone_batches
from storage.tables.log.files import has_version, mark_of
from storage.upstream import translated


@dataclass(frozen=True)
class _Ledger:
    """Of one pipeline, at a version; `files` are hashes of the paths of pushed files, sorted."""

    version: int
    mark: str | None
    files: pl.Series


class Remembered:
    """What ledgers hold of pushed files; they are read again when they have changed.

    Safe to be used by several threads. Eight bytes a file stay in memory.
    """

    def __init__(self) -> None:
        self._ledgers: dict[str, _Ledger] = {}

    def has(self, pipeline: Pipeline, place: Place) -> bool:
        """Whether the rows of that file are in the table, by a batch that nothing has undone.

        Raises:
            StorageError: The ledger cannot be read.
        """
        uri = ledger_uri(pipeline.table.uri)
        path = f"{place.zone.rstrip('/')}/{place.name}"
        ledger = self._ledgers.get(uri)
        if ledger is None or not _is_newest(uri, ledger):
            ledger = _read(uri, pipeline.name, f"{place.zone.rstrip('/')}/pushed/")
            if ledger is None:
                return False
            self._ledgers[uri] = ledger
        (asked,) = pl.Series([path]).hash()
        at = int(ledger.files.search_sorted(asked))
        return at < ledger.files.len() and bool(ledger.files[at] == asked)


def _is_newest(uri: str, ledger: _Ledger) -> bool:
    return (
        not has_version(uri, ledger.version + 1) and mark_of(uri, ledger.version) == ledger.mark is not None
    )


def _read(uri: str, pipeline: str, prefix: str) -> _Ledger | None:
    table = open_table(uri)
    if table is None:
        return None
    mark = mark_of(uri, table.version())
    pushed = rows_of(uri, table, pipeline).filter(pl.col("path").str.starts_with(prefix))
    with translated("read the ledger", uri):
        files = pushed.select("path", "batch", "undoes").collect()
    undone = undone_batches(files).implode()
    standing = files.filter(pl.col("undoes").is_null(), ~pl.col("batch").is_in(undone))["path"]
    return _Ledger(table.version(), mark, standing.unique().hash().sort())
