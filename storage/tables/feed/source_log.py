"""The log of a source table as its followers need it: what each version added and took out, file by file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.errors import NotFoundError, TableError
from storage.filesystem import is_remote, local_path
from storage.layout.partitions import partition_texts
from storage.tables.delta import open_table
from storage.tables.log.ordered_map import ordered_map
from storage.tables.replacing.replacement import read_actions
from storage.tables.schema.evolution import EVOLUTION_KEY
from storage.upstream import translated

START_AGAIN: Final = (
    "start again from what the table holds now: give the pipeline another name and another table"
)
_READABLE: Final = {"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}
"""Features of a table that change nothing about its data files."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A data file in the log of a source table.

    Attributes:
        path: In full, as the store has it.
        size: Bytes.
        rows: None where the log does not tell.
        values: Of the partition columns, as text.
        modified_ms: When it was written or taken out, milliseconds since 1970-01-01 UTC.
    """

    path: str
    size: int
    rows: int | None
    values: Mapping[str, str | None]
    modified_ms: int


@dataclass(slots=True)
class SourceVersion:
    """What a version changed about the rows of its table.

    Files of a change data feed are left aside, where its writer made such: those of delta-rs 1.6.3 lack rows
    that became equal to others, while the files that were added and removed always tell.
    """

    version: int
    operation: str = "unknown"
    added: list[SourceFile] = field(default_factory=list)
    removed: list[SourceFile] = field(default_factory=list)


def open_source(uri: str, table_id: str | None = None, version: int = 0) -> DeltaTable:
    """The newest version of a source table.

    Args:
        uri: The table's.
        table_id: The id of the table that was followed so far.
        version: One that it must have.

    Raises:
        NotFoundError: There is no table.
        TableError: It is another table than that, or an older one, or its files cannot be read as they are.
        StorageError: It cannot be read.
    """
    table = open_table(uri)
    if table is None:
        raise NotFoundError(
            "the source table is not there",
            where=uri,
            expected="a folder with a Delta log in it",
            next_step="run the pipeline that makes it, or correct source.table",
        )
    found = str(table.metadata().id)
    if table_id not in (None, found):
        raise TableError(
            "the source is another table than the one that was followed so far",
            where=uri,
            got=f"the table {found}",
            expected=f"the table {table_id}",
            next_step=f"put that table back; or {START_AGAIN}",
        )
    if version > table.version():
        raise TableError(
            "the source table is older than what was taken of it",
            where=uri,
            got=f"version {table.version()}",
            expected=f"version {version} or later",
            next_step=f"put the newer versions back; or {START_AGAIN}",
        )
    _check_readable(uri, table)
    return table


def at_version(uri: str, version: int, table_id: str) -> DeltaTable:
    """A source table at one of its versions; arguments and errors as of `open_source`."""
    table = open_source(uri, table_id, version)
    if version < table.version():
        with translated(f"read version {version} of the source", uri):
            table.load_as_version(version)
    return table


def _check_readable(uri: str, table: DeltaTable) -> None:
    strange = set(table.protocol().reader_features or ()) - _READABLE
    mapped = table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none"
    if strange or mapped or table.protocol().min_reader_version == 2:
        raise TableError(
            "the source table has features that its data files cannot be read with as they are",
            where=uri,
            got=", ".join(sorted(strange)) or "column mapping",
            expected="plain Parquet files",
            next_step="drop the feature in the source table (ALTER TABLE … DROP FEATURE), or copy the table",
        )


def snapshot(uri: str, table: DeltaTable) -> list[SourceFile]:
    """The files of `table` at the version that it was opened at, sorted by path."""
    actions = pl.DataFrame(pa.table(table.get_add_actions())).sort("path")
    parts = actions["partition"].struct.unnest() if "partition" in actions.columns else pl.DataFrame()
    # row objects allowed: one a file
    values = partition_texts(parts).to_dicts() if parts.width else [{}] * actions.height
    told = actions.select("path", "size_bytes", "num_records", "modification_time")
    # row objects allowed: one a file
    return [
        SourceFile(_full(uri, path), size, rows, dict(one), at)
        for (path, size, rows, at), one in zip(told.iter_rows(), values, strict=True)
    ]


def versions_between(uri: str, first: int, last: int) -> Iterator[SourceVersion]:
    """What the versions `first` to `last` changed, oldest first.

    Those that only write the same rows again, such as a compaction, change nothing. Lazy; one request a
    version, some of them at the same time.

    Raises:
        TableError: The log does not tell of a version any more.
        StorageError: It cannot be read.
    """
    versions = range(first, last + 1)
    read = ordered_map(lambda version: read_actions(uri, version, missing_ok=True), versions)
    for version, actions in zip(versions, read, strict=True):
        if not actions:
            raise TableError(
                "the source table does not tell any more what one of its versions changed",
                where=f"{uri}, version {version}",
                got="no commit in the log",
                expected="a log that is kept until all who follow the table have read it",
                next_step=f"set delta.logRetentionDuration of the source higher, and {START_AGAIN}",
            )
        yield _version(uri, version, actions)


def _version(uri: str, version: int, actions: list[dict[str, Any]]) -> SourceVersion:
    found = SourceVersion(version)
    for action in actions:
        match action:
            case {"add": {"dataChange": True} as one}:
                found.added.append(_file(uri, one, "modificationTime"))
            case {"remove": {"dataChange": True} as one}:
                found.removed.append(_file(uri, one, "deletionTimestamp"))
            case {"commitInfo": info}:
                found.operation = info.get("operation", "unknown")
    if any(EVOLUTION_KEY in action.get("commitInfo", {}) for action in actions):
        return SourceVersion(version, found.operation)  # the same rows, in wider types
    return found


def _file(uri: str, action: dict[str, Any], moment: str) -> SourceFile:
    where = _full(uri, action["path"])
    if action.get("size") is None:
        raise TableError(
            "the log of the source does not tell how large a file is that it takes out",
            where=where,
            expected="removals with extended file metadata, as most writers make them",
            next_step=START_AGAIN,
        )
    if action.get("deletionVector"):
        raise TableError(
            "a data file of the source has a deletion vector, which cannot be read",
            where=where,
            next_step="rewrite the table without them (REORG TABLE … APPLY (PURGE))",
        )
    # row objects allowed: the statistics of one file
    rows = json.loads(action.get("stats") or "{}").get("numRecords")
    return SourceFile(
        where, action["size"], rows, action.get("partitionValues") or {}, action.get(moment) or 0
    )


def _full(uri: str, path: str) -> str:
    """The path of a file, which lies in the folder of its table."""
    name = unquote(path)
    if "://" in name or name.startswith("/") or ".." in name.split("/"):
        raise TableError(
            "the log of the source names a file outside of the table",
            where=uri,
            got=path,
            expected="files in the folder of the table",
            next_step="copy the rows into a table of its own: shallow clones cannot be followed",
        )
    return f"{table_root(uri)}/{name}"


def table_root(uri: str) -> str:
    """The folder of a table, as the paths of its files begin."""
    return uri.rstrip("/") if is_remote(uri) else local_path(uri)
