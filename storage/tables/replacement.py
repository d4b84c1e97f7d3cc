"""Commits that take files out of a table and put others in: what delta-rs has no call for.

A commit is one new file in the log, JSON actions line by line
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md#actions), which exactly one writer can create. Who
is second looks at what the first one did: where that has nothing to do with its own work, it takes the next
number; otherwise its work no longer fits, and is to be done again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote

from deltalake import DeltaTable

from storage.create_only import create_only
from storage.errors import StaleReadError, StorageError, TableError, UnavailableError
from storage.filesystem import open_filesystem
from storage.layout.data_file import DataFile
from storage.tables.delta import METADATA_KEY, open_table
from storage.tables.partition_keys import Partition, partition_of
from storage.tables.replaceable import check_replaceable
from storage.tables.write_probe import probe_store
from storage.upstream import translated

__all__ = [
    "ActiveFile",
    "Partition",
    "Replacement",
    "commit_replacement",
    "log_file",
    "logged",
    "partition_of",
    "read_actions",
]

_log = logging.getLogger(__name__)

_RACES = 100
"""Lost races to a version number before giving up."""
_SAFE: Final = "/-_.~!$&'()*+,;=:@"
"""What a path may hold in the log as it is (RFC 3986, pchar)."""


@dataclass(frozen=True)
class ActiveFile:
    """A file of a table that is to be taken out of it.

    path: as the log has it, percent-encoded.
    """

    path: str
    size: int
    partition_values: Mapping[str, str | None]


@dataclass(frozen=True)
class Replacement:
    """What one commit does.

    Attributes:
        removes: Files of the table that the commit is made on.
        adds: New ones, which are written already.
        operation: What it is called in the history: `MERGE`, `OPTIMIZE` …
        data_change: False where the table has the same rows before and after.
        reads: The partitions whose rows decided what it does, beside the files that it removes; or `all`.
        told: What it says of itself; must hold a `commit_id`, by which it is known again.
        transactions: The number of each application.
    """

    removes: Sequence[ActiveFile]
    adds: Sequence[DataFile]
    operation: str
    data_change: bool
    reads: frozenset[Partition] | Literal["all"]
    told: Mapping[str, Any]
    transactions: Mapping[str, int] = field(default_factory=dict)


def commit_replacement(uri: str, table: DeltaTable, replacement: Replacement) -> int:
    """Makes the commit, once: the version that holds it. Safe to repeat with the same `commit_id`.

    Args:
        uri: The table's.
        table: The version that the work was done on. It is left as it is.
        replacement: Nothing of it is visible before, all of it after.

    Raises:
        StaleReadError: Others have changed what it was made from, or are the same application. Nothing of it
            is visible; its new files are still the caller's.
        UnavailableError: Retryable. It did not happen, or nobody knows: call again, with the same `table`; a
            newly opened one may hold the commit, which is then not looked for.
        TableError: Final. The table must not be changed so, or `removes` are not files of it.
        StorageError: Final. It did not happen.
    """
    rows = sum(file.rows for file in replacement.adds)
    removes = {file.path for file in replacement.removes}
    check_replaceable(table, removes, rows, data_change=replacement.data_change)
    probe_store(uri)
    body = _body(replacement)
    version = table.version() + 1
    for _ in range(_RACES):
        if _created(uri, version, body):
            _checkpoint(uri, table, version)
            return version
        other = read_actions(uri, version)
        if _told(other).get("commit_id") == replacement.told["commit_id"]:
            _checkpoint(uri, table, version)
            return version
        if clash := _clash(other, replacement):
            raise StaleReadError(
                "another writer has changed the table since it was read",
                where=f"{uri}, version {version}",
                got=clash,
                expected="commits that leave alone what was read",
                next_step="nothing is lost; run again",
            )
        version += 1
    raise UnavailableError(
        "other writers of the table were faster, again and again",
        where=uri,
        got=f"{_RACES} lost races",
        next_step="run again in a while",
    )


def _created(uri: str, version: int, body: bytes) -> bool:
    """Whether the commit file is ours now; False where there is one, which may be ours from before."""
    try:
        return create_only(log_file(uri, version), body)
    except UnavailableError:
        # The answer got lost, perhaps: the log alone knows.
        if read_actions(uri, version, missing_ok=True):
            return False
        raise


def logged(path: str) -> str:
    """The path of a data file as the log has it, from that of the store."""
    return quote(path, safe=_SAFE)


def log_file(uri: str, version: int) -> str:
    """Where the commit of a version lies."""
    return f"{uri.rstrip('/')}/_delta_log/{version:020}.json"


def read_actions(uri: str, version: int, *, missing_ok: bool = False) -> list[dict[str, Any]]:
    """The actions of one commit; none where it is missing and may be.

    Raises:
        TableError: It is no Delta commit, or it is gone.
        StorageError: It cannot be read.
    """
    where = log_file(uri, version)
    filesystem, path = open_filesystem(where)
    try:
        with translated("read the log of the table", where):
            try:
                data: bytes = filesystem.cat_file(path)
            except FileNotFoundError:
                if missing_ok:
                    return []
                raise
        return [json.loads(line) for line in data.splitlines() if line.strip()]
    except ValueError as error:
        raise TableError(
            "a commit of the table cannot be understood",
            where=where,
            got=str(error),
            expected="actions of the Delta protocol, one JSON object a line",
        ) from error


def _told(actions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What a commit says of itself, where Penstock made it."""
    for action in actions:
        ours = action.get("commitInfo", {}).get(METADATA_KEY)
        if isinstance(ours, dict):
            return ours
    return {}


def _clash(other: Sequence[Mapping[str, Any]], mine: Replacement) -> str | None:
    """Why `mine` must not follow `other`; None where it may."""
    removed = {file.path for file in mine.removes}
    for action in other:
        match action:
            case {"protocol": _} | {"metaData": _}:
                return "a change of its columns or properties"
            case {"txn": {"appId": app}} if app in mine.transactions:
                return f"a commit of the same application, {app!r}"
            case {"remove": {"path": path}} if path in removed:
                return f"the file {path} is gone"
            case {"add": changed} | {"remove": changed} if changed.get("dataChange", True):
                if _reads(mine, values := changed.get("partitionValues")):
                    return f"rows of the partition {values}"
    return None


def _reads(one: Replacement, values: Mapping[str, str | None] | None) -> bool:
    """Whether it depends on the rows of a partition; of any, where `values` is None and nobody says which."""
    if one.reads == "all":
        return True
    return bool(one.reads) and (values is None or partition_of(values) in one.reads)


def _body(one: Replacement) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    info = {
        "timestamp": now_ms,
        "operation": one.operation,
        "operationParameters": {},
        "isBlindAppend": False,
        "engineInfo": "penstock",
        METADATA_KEY: dict(one.told),
    }
    actions: list[dict[str, Any]] = [{"commitInfo": info}]
    actions += [
        {"txn": {"appId": app, "version": number, "lastUpdated": now_ms}}
        for app, number in one.transactions.items()
    ]
    actions += [{"remove": _remove(file, one, now_ms)} for file in one.removes]
    actions += [{"add": _add(file, one)} for file in one.adds]
    return "".join(json.dumps(action, separators=(",", ":")) + "\n" for action in actions).encode()


def _remove(file: ActiveFile, one: Replacement, now_ms: int) -> dict[str, Any]:
    return {
        "path": file.path,
        "deletionTimestamp": now_ms,
        "dataChange": one.data_change,
        "extendedFileMetadata": True,
        "partitionValues": dict(file.partition_values),
        "size": file.size,
    }


def _add(file: DataFile, one: Replacement) -> dict[str, Any]:
    return {
        "path": logged(file.path),
        "partitionValues": dict(file.partition_values),
        "size": file.size,
        "modificationTime": file.modified_ms,
        "dataChange": one.data_change,
        "stats": file.stats,
    }


def _checkpoint(uri: str, table: DeltaTable, version: int) -> None:
    """A checkpoint as often as the table says, which delta-rs makes of its own commits only."""
    every = int(table.metadata().configuration.get("delta.checkpointInterval") or 100)
    if version % every:
        return
    try:
        newest = open_table(uri)
        if newest is not None:
            with translated("make a checkpoint", uri):
                newest.create_checkpoint()
    except StorageError as error:  # readers do without; the next one makes up for it
        _log.warning("no checkpoint at version %d: %s", version, error)
