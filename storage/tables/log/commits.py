"""The Delta log as it lies in storage, commit by commit: what each one says that it added and removed.

delta-rs gives the state that the commits add up to; a proof needs the commits themselves
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md#actions).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.errors import TableError
from storage.filesystem import open_filesystem
from storage.tables.delta import METADATA_KEY
from storage.tables.log.ordered_map import ordered_map
from storage.tables.replacing.partition_keys import Partition, partition_of
from storage.tables.schema.evolution import EVOLUTION_KEY
from storage.upstream import translated


@dataclass(slots=True)
class LoggedCommit:
    """One commit of a table.

    Attributes:
        version: The table version that it made.
        operation: `WRITE`, `CREATE TABLE`, `DELETE`, `OPTIMIZE` …, as its writer called it.
        ours: What `commit_batch` noted: `app_id`, `batch`, `commit_id`, `metadata`; empty where this commit
            is no batch. Nothing says that somebody else has not changed it since.
        transactions: The number of each application in it.
        added: For each file, by its path as the log has it, how many rows it holds, less those that a
            deletion vector takes out; None where the log does not tell.
        removed: Paths.
        rearranged: Of files that are added or removed without a change of rows, as compaction does, the
            partition.
        timestamp_ms: When, milliseconds since 1970-01-01 UTC, by the writer's clock; None where not said.
        evolves: Whether Penstock changed columns or types.
    """

    version: int
    operation: str = "unknown"
    timestamp_ms: int | None = None
    evolves: bool = False
    ours: Mapping[str, Any] = field(default_factory=dict)
    transactions: dict[str, int] = field(default_factory=dict)
    added: dict[str, int | None] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    rearranged: dict[str, Partition | None] = field(default_factory=dict)

    def rows_added(self) -> int:
        """The rows of all added files; those that the log does not count are not counted."""
        return sum(rows or 0 for rows in self.added.values())

    def changes_rows(self) -> bool:
        """Whether it adds or removes a file in a way that may change what the table holds."""
        return len(self.rearranged) < len(self.added) + len(self.removed)


def read_commits(uri: str, newest: int, first: int = 0) -> Iterator[LoggedCommit]:
    """The commits `first` to `newest` of the table at `uri`, oldest first, without those that are gone.

    Lazy; one request a commit, some of them at the same time, and as many commits in memory.

    Raises:
        TableError: A commit is no Delta commit.
        StorageError: A commit is there and cannot be read.
    """
    for commit in ordered_map(lambda version: read_commit(uri, version), range(first, newest + 1)):
        if commit is not None:
            yield commit


def read_commits_back(uri: str, newest: int) -> Iterator[LoggedCommit]:
    """The same commits, newest first; what is asked of it decides how many are read."""
    for commit in ordered_map(lambda version: read_commit(uri, version), range(newest, -1, -1)):
        if commit is not None:
            yield commit


def read_commit(uri: str, version: int) -> LoggedCommit | None:
    """The commit that made a version; None where it is gone. Errors as of `read_commits`."""
    filesystem, root = open_filesystem(uri)
    name = f"_delta_log/{version:020}.json"
    with translated("read the log of the table", f"{uri}/{name}"):
        try:
            data: bytes = filesystem.cat_file(f"{root}/{name}")
        except FileNotFoundError:
            return None
    return parse_commit(data, version, where=f"{uri}/{name}")


def parse_commit(data: bytes, version: int, *, where: str) -> LoggedCommit:
    """The commit whose file holds `data`.

    Raises:
        TableError: It is no Delta commit; `where` tells which.
    """
    commit = LoggedCommit(version)
    try:
        for line in data.splitlines():
            if line.strip():
                _apply(commit, json.loads(line))  # row objects allowed: one action a file, not a row
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(
            "a commit of the table cannot be understood",
            where=where,
            got=f"{type(error).__name__}: {error}",
            expected="actions of the Delta protocol, one JSON object a line",
            next_step="put the file back as it was written",
        ) from error
    return commit


def _apply(commit: LoggedCommit, action: dict[str, Any]) -> None:
    if add := action.get("add"):
        commit.added[add["path"]] = _rows(add)
        _note_rearranged(commit, add)
    elif remove := action.get("remove"):
        commit.removed.append(remove["path"])
        _note_rearranged(commit, remove)
    elif txn := action.get("txn"):
        commit.transactions[txn["appId"]] = txn["version"]
    elif info := action.get("commitInfo"):
        commit.operation = info.get("operation", commit.operation)
        commit.timestamp_ms = info.get("timestamp")
        commit.evolves = EVOLUTION_KEY in info
        ours = info.get(METADATA_KEY)
        commit.ours = ours if isinstance(ours, dict) else {}


def _note_rearranged(commit: LoggedCommit, file: dict[str, Any]) -> None:
    if file.get("dataChange", True) is False:
        values = file.get("partitionValues")
        commit.rearranged[file["path"]] = None if values is None else partition_of(values)


def _rows(add: dict[str, Any]) -> int | None:
    # row objects allowed: the statistics of one file
    rows = json.loads(add.get("stats") or "{}").get("numRecords")
    deleted = (add.get("deletionVector") or {}).get("cardinality", 0)
    return rows - deleted if isinstance(rows, int) else None


def active_files(table: DeltaTable | None) -> pl.DataFrame:
    """The files of a table as delta-rs sees it: `path`, as the log has it, and `rows`, null where unknown."""
    if table is None:
        return pl.DataFrame(schema={"path": pl.String, "rows": pl.Int64})
    actions = pl.DataFrame(pa.table(table.get_add_actions()))
    return actions.select("path", rows=pl.col("num_records").cast(pl.Int64))
