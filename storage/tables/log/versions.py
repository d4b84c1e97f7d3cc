"""What a Delta table is at one of its versions, and what made each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
from deltalake import DeltaTable

from storage.errors import NotFoundError
from storage.filesystem import open_filesystem
from storage.tables.delta import METADATA_KEY, open_table
from storage.tables.replacing.replacement import log_file, read_actions
from storage.tables.schema.evolution import EVOLUTION_KEY
from storage.upstream import translated


@dataclass(frozen=True, slots=True)
class TableSize:
    """How much a version of a table holds.

    Attributes:
        rows: None where the log does not count the rows of every file, as some writers leave it.
        bytes: Of its Parquet files, as stored.
    """

    files: int
    rows: int | None
    bytes: int


@dataclass(frozen=True, slots=True)
class TableVersion:
    """One commit of a table.

    Attributes:
        timestamp_ms: When, milliseconds since 1970-01-01 UTC, by the writer's clock; None where not said.
        operation: `WRITE`, `CREATE TABLE`, `OPTIMIZE` …, as its writer called it; `CHANGE COLUMN` where
            Penstock wrote files again in other types, which delta-rs can only call `WRITE`; `UNDO` where it
            took a batch out again, which Delta calls `RESTORE`; `REBUILD` where it made all rows anew.
        app_id: Whose batch it is; None where Penstock did not write it.
        batch: Its number, from 1; None where Penstock did not write it.
        metadata: What the caller of `commit_batch` gave; empty where Penstock did not write it.
        evolution: What it did to columns: `added`, `widened`, `relaxed`; empty where nothing.
    """

    version: int
    timestamp_ms: int | None
    operation: str
    app_id: str | None
    batch: int | None
    metadata: Mapping[str, Any]
    evolution: Mapping[str, Any]


def open_version(uri: str, version: int | None = None) -> DeltaTable:
    """The table at `uri`, at its newest version unless `version` is given.

    Raises:
        NotFoundError: There is no table, or it has no such version.
        StorageError: The table is there and cannot be read.
    """
    table = open_table(uri)
    if table is None:
        raise NotFoundError(
            "there is no table here",
            where=uri,
            expected="a folder with a Delta log in it",
            next_step="check the URI; a pipeline makes its table with the first batch",
        )
    newest = table.version()
    if version is None or version == newest:
        return table
    if not 0 <= version < newest:
        raise NotFoundError(
            "the table has no such version", where=uri, got=version, expected=f"a version from 0 to {newest}"
        )
    with translated(f"read version {version} of the table", uri):
        table.load_as_version(version)
    return table


def version_at(uri: str, at: datetime) -> int:
    """The newest version of the table at `uri` that was there at a moment.

    By the clocks of those who committed, as `versions_of` tells them, and where a commit does not say, by the
    clock of the store. Where these clocks disagree, it is a version that is not later, with a later one after
    it. Reads about log2(versions) commits.

    Args:
        uri: The table's.
        at: With a zone; without one it is taken as UTC.

    Raises:
        NotFoundError: There is no table, or it was not there yet, or the log does not go back that far.
        StorageError: The log cannot be read.
    """
    moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    first, past = 0, int(open_version(uri).version()) + 1
    while first < past:  # all versions below `first` are old enough, or gone; none from `past` on
        middle = (first + past) // 2
        made = _made_at(uri, middle)
        if made is None or made <= moment:
            first = middle + 1
        else:
            past = middle
    if first and _made_at(uri, first - 1) is not None:
        return first - 1
    begins = _made_at(uri, first)
    raise NotFoundError(
        "the log of the table does not go back that far" if first else "the table was not there yet",
        where=uri,
        got=_told(moment),
        expected=f"not before {_told(begins)}, version {first}" if begins else "a version of the log",
    )


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _made_at(uri: str, version: int) -> datetime | None:
    """When a version was committed; None where its commit is gone."""
    actions = read_actions(uri, version, missing_ok=True)
    if not actions:
        return None
    for action in actions:
        info = action.get("commitInfo") or {}
        told = info.get("inCommitTimestamp", info.get("timestamp"))
        if isinstance(told, int):
            return datetime.fromtimestamp(told / 1000, UTC)
    filesystem, path = open_filesystem(log_file(uri, version))
    with translated("read the log of the table", uri):
        changed: datetime = filesystem.modified(path)
    return changed if changed.tzinfo else changed.replace(tzinfo=UTC)


def size_of(table: DeltaTable) -> TableSize:
    """How much `table` holds, from its log alone."""
    files = pl.DataFrame(table.get_add_actions().select(["size_bytes", "num_records"]))
    counted = files["num_records"].null_count() == 0
    rows = int(files["num_records"].sum()) if counted else None
    return TableSize(files.height, rows, int(files["size_bytes"].sum()))


def versions_of(table: DeltaTable, limit: int | None = None) -> list[TableVersion]:
    """The newest `limit` versions that the log still tells of, all unless given; newest first.

    Reads one commit a version.

    Raises:
        StorageError: The log cannot be read.
    """
    with translated("read the history of the table", table.table_uri):
        return [_version(entry) for entry in table.history(limit)]


def _version(entry: Mapping[str, Any]) -> TableVersion:
    noted = entry.get(METADATA_KEY)
    ours = noted if isinstance(noted, dict) else {}
    operation = str(entry.get("operation", "unknown"))
    evolution = entry.get(EVOLUTION_KEY)
    metadata = ours.get("metadata") or {}
    if operation == "WRITE" and EVOLUTION_KEY in entry:
        operation = "CHANGE COLUMN"
    if operation == "RESTORE" and "undoes" in metadata:
        operation = "UNDO"
    if operation == "WRITE" and "rebuilds" in metadata:
        operation = "REBUILD"
    return TableVersion(
        version=entry["version"],
        timestamp_ms=entry.get("timestamp"),
        operation=operation,
        app_id=ours.get("app_id"),
        batch=ours.get("batch"),
        metadata=metadata,
        evolution=evolution if isinstance(evolution, dict) else {},
    )
