"""Commits that take files out of a table and put others in: what delta-rs has no call for.

A commit is one new file in the log, which exactly one writer can create. Who is second looks at what the
first one did: where that has nothing to do with its own work, it takes the next number; otherwise its work no
longer fits, and is to be done again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from deltalake import DeltaTable

from storage.create_only import create_only
from storage.errors import StaleReadError, StorageError, UnavailableError
from storage.tables.delta import open_table
from storage.tables.log.files import log_file, read_actions, told_by
from storage.tables.replacing.actions import ActiveFile, Replacement, Shape, body_of, logged
from storage.tables.replacing.partition_keys import Partition, partition_of
from storage.tables.replacing.replaceable import check_replaceable
from storage.tables.write_probe import probe_store
from storage.upstream import translated

__all__ = [
    "ActiveFile",
    "Partition",
    "Replacement",
    "Shape",
    "commit_replacement",
    "log_file",
    "logged",
    "partition_of",
    "read_actions",
]

_log = logging.getLogger(__name__)

_RACES = 100
"""Lost races to a version number before giving up."""


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
    _check_log_goes_on(uri, table)
    body = body_of(replacement)
    version = table.version() + 1
    for _ in range(_RACES):
        if _created(uri, version, body):
            _checkpoint(uri, table, version)
            return version
        other = read_actions(uri, version)
        if told_by(other).get("commit_id") == replacement.told["commit_id"]:
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


def _check_log_goes_on(uri: str, table: DeltaTable) -> None:
    """Refuses a version so old that the commits after it may have been cleaned up: their places look free."""
    if read_actions(uri, table.version(), missing_ok=True):
        return
    newest = open_table(uri)
    if newest is None or newest.version() != table.version():
        raise StaleReadError(
            "the table has gone on for so long since it was read that its log was cleaned up",
            where=f"{uri}, version {table.version()}",
            got="no table" if newest is None else f"version {newest.version()}",
            next_step="nothing is lost; run again",
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


def _clash(other: Sequence[Mapping[str, Any]], mine: Replacement) -> str | None:
    """Why `mine` must not follow `other`; None where it may."""
    removed = {unquote(file.path) for file in mine.removes}
    for action in other:
        match action:
            case {"protocol": _} | {"metaData": _}:
                return "a change of its columns or properties"
            case {"txn": {"appId": app}} if app in mine.transactions:
                return f"a commit of the same application, {app!r}"
            case {"remove": {"path": path}} if unquote(path) in removed:
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
