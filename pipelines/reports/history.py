"""The versions of a table: `penstock history`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from storage.tables.log.commits import LoggedCommit, read_commit
from storage.tables.log.ordered_map import ordered_map
from storage.tables.log.versions import TableVersion, open_version, versions_of


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a table.

    Attributes:
        timestamp: By the writer's clock; None where the log does not tell.
        operation: As its writer called it: `WRITE`, `CREATE TABLE`, `MERGE`, `OPTIMIZE` …; `CHANGE COLUMN`,
            `UNDO` and `REBUILD` where Penstock did that.
        pipeline: Whose batch it is; None where it is no batch, as are `batch`, `rows` and `quarantined`.
        batch: From 1.
        rows: Rows of the batch that the table held then.
        quarantined: Records of the batch that went to the quarantine; None of an undo.
        undoes: The batch that it took out again; None where it is no undo.
        rebuilds: The newest batch whose place it took, with all before that; None where it is no rebuild.
        counts: Of a merge `inserted`, `updated`, `superseded`, `older`, `existing`, `replaced`; of an undo
            `removed`, by how many rows the table got smaller; of a rebuild `removed`, the rows that gave way,
            beside those of a merge; else empty.
        columns: What happened to columns: `added`, `widened`, `relaxed`; empty where nothing.
        files_added: None where the commit is gone from the log.
        files_removed: The same.
    """

    version: int
    timestamp: datetime | None
    operation: str
    pipeline: str | None
    batch: int | None
    rows: int | None
    quarantined: int | None
    undoes: int | None
    rebuilds: int | None
    counts: dict[str, int]
    columns: dict[str, Any]
    files_added: int | None
    files_removed: int | None

    def as_dict(self) -> dict[str, Any]:
        """As `penstock history --json` prints it."""
        return asdict(self)


def history(uri: str, limit: int | None = None) -> list[Version]:
    """The newest `limit` versions of the table at `uri`, all unless given; newest first.

    Raises:
        NotFoundError: There is no table.
        StorageError: Its log cannot be read.
    """
    versions = versions_of(open_version(uri), limit)
    commits = ordered_map(lambda one: read_commit(uri, one.version), versions)
    return [_version(one, commit) for one, commit in zip(versions, commits, strict=True)]


def _version(one: TableVersion, commit: LoggedCommit | None) -> Version:
    return Version(
        version=one.version,
        timestamp=None if one.timestamp_ms is None else datetime.fromtimestamp(one.timestamp_ms / 1000, UTC),
        operation=one.operation,
        pipeline=one.app_id if one.batch is not None else None,
        batch=one.batch,
        rows=one.metadata.get("rows"),
        quarantined=_quarantined(one.metadata),
        undoes=one.metadata.get("undoes"),
        rebuilds=one.metadata.get("rebuilds"),
        counts=_counts(one.metadata),
        columns=dict(one.evolution),
        files_added=None if commit is None else len(commit.added),
        files_removed=None if commit is None else len(commit.removed),
    )


def _counts(metadata: Mapping[str, Any]) -> dict[str, int]:
    removed = {"removed": metadata.get("rows_removed", 0)} if {"undoes", "rebuilds"} & metadata.keys() else {}
    merge = metadata.get("merge")
    if not isinstance(merge, dict):
        return removed
    return removed | {name: count for name, count in merge.items() if isinstance(count, int)}


def _quarantined(metadata: Mapping[str, Any]) -> int | None:
    """Of all files, and of the rows that no partition can hold; None where the commit does not tell."""
    files = metadata.get("files")
    if not isinstance(files, dict):
        return None
    return sum(files.get("quarantined", ())) + int(metadata.get("unstorable", 0))
