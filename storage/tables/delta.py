"""Delta tables: open one, see which batch it holds, and commit a batch exactly once.

A commit carries the transaction `(app_id, batch)`, and is made on the very `DeltaTable` whose transaction was
looked at: delta-rs refuses a commit where the same application made another one *since that table was
loaded*, and nothing else; a later replay, even of a lower number, it takes. After any exception the log is
read again, because a commit whose answer got lost did happen.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.transaction import AddAction, create_table_with_add_actions

from storage.errors import ConcurrentRunError, StorageError, TableError, UnavailableError
from storage.filesystem import delta_storage_options, is_remote, local_path, open_filesystem
from storage.layout.data_file import DataFile
from storage.layout.table_schema import check_partition_columns
from storage.layout.uploads import remove_files
from storage.tables.appendable import check_appendable, nulls_in
from storage.tables.evolution import evolved, marked_schema
from storage.upstream import storage_error, translated

_log = logging.getLogger(__name__)

METADATA_KEY = "penstock"
"""The key of a commit under which everything of ours is kept."""
_MISREAD = re.compile(r"\\|%[0-9A-Fa-f]{2}")
"""What delta-rs 1.6.3 turns into something else between writing a log and reading it."""
_COMMIT_RETRIES = 100
"""Lost races to a version number before giving up; delta-rs' 15 were too few for 8 writers of one table."""
_SCHEMA_RACES = 20
"""Times that other writers may change the columns of the table while a batch is committed."""

_TABLE_CONFIGURATION = {
    # The counts of each batch live in the commits, and `penstock verify` reads all of them: the 30 days that
    # delta-rs and Spark keep commits for, once a checkpoint holds their files, would take the proof away.
    "delta.logRetentionDuration": "interval 3650 days",
    # Compaction by other tools computes statistics for the first 32 columns only, unless told otherwise.
    "delta.dataSkippingNumIndexedCols": "-1",
}
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Checkpoints as the table's settings say; no clean-up of the log either in tables that others created."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of a batch.

    Attributes:
        version: The table version that holds the batch; where `written` is false, the version that was
            looked at, which holds the batch too.
        written: False where the table already held the batch, so that nothing was done.
    """

    version: int
    written: bool


@dataclass(frozen=True)
class _Batch:
    """All that one commit is made of."""

    uri: str
    app_id: str
    number: int
    files: Sequence[DataFile]
    schema: pl.Schema
    partition_by: tuple[str, ...]
    metadata: Mapping[str, Any]
    marks: Mapping[str, str]
    attempt: str = ""
    again: bool = False
    takes_over: int | None = None

    @cached_property
    def commit_id(self) -> str:
        """Tells the batch from that of another process, and knows it again when it is committed again.

        File names are unique, so that they say whose commit it is; without any, one is as good as another.
        """
        names = sorted(file.path for file in self.files)
        return hashlib.sha256("\n".join([*names, self.attempt]).encode()).hexdigest()[:32]

    @property
    def told(self) -> dict[str, Any]:
        """What the commit says of itself, so that it is known again."""
        what = {"takes_over": self.takes_over} if self.takes_over else {"batch": self.number}
        return {"app_id": self.app_id, **what, "commit_id": self.commit_id}


def open_table(uri: str) -> DeltaTable | None:
    """The newest version of the table at `uri`, or None where there is no table.

    Costs a listing of the log, and reads the newest checkpoint and the commits after it.

    Raises:
        StorageError: The table is there, or may be, and cannot be read.
    """
    if _MISREAD.search(uri if is_remote(uri) else local_path(uri)):
        raise TableError(
            "delta-rs would look for this table in another place than it writes it to",
            where=uri,
            expected="a path without backslashes and without % before two hexadecimal digits",
            next_step="rename the folder",
        )
    options = delta_storage_options(uri)
    with translated("open the table", uri):
        try:
            return DeltaTable(uri, storage_options=options)
        except TableNotFoundError:
            # delta-rs says the same of a folder that may not be read, and of a bucket that is not there.
            if not _has_log(uri):
                return None
        # Another run has just made it; where that is not why, the same error comes again.
        return DeltaTable(uri, storage_options=options)


def last_batch(table: DeltaTable | None, app_id: str) -> int:
    """The number of the newest batch of `app_id` in `table` as it was loaded; 0 where there is none."""
    return (table.transaction_version(app_id) or 0) if table is not None else 0


def commit_batch(
    uri: str,
    table: DeltaTable | None,
    *,
    app_id: str,
    batch: int,
    files: Sequence[DataFile],
    schema: pl.Schema,
    partition_by: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    marks: Mapping[str, str] | None = None,
    attempt: str = "",
    again: bool = False,
) -> Commit:
    """Adds `files` to the table, once, whatever happens: one atomic commit, safe to call again.

    Where the table lacks columns, or has narrower types, it evolves first, in commits of its own.

    Args:
        table: What `open_table` gave *before* the batch number was decided; None creates the table.
            The object is spent afterwards: open the table again for the next batch.
        batch: Greater than 0. A table that holds this batch, or a higher one, is left as it is.
        files: May be empty: the batch number is committed all the same.
        schema: All columns, partition columns included, as given to the `TableWriter`.
        metadata: JSON values, kept in the commit under `penstock`; `commit_log.read_commits` gives them back.
        marks: The contract's types of columns that no contract named (`evolution.MARK`).
        attempt: Tells apart commits of the same files, or without any.
        again: The table may hold this batch already, and more of it is to be added.

    Raises:
        ConcurrentRunError: Final. Another process committed or took over this batch meanwhile, so another run
            of the same pipeline is going on. The files of this one are not in the table.
        TableSchemaError: Final. The table has columns that cannot take these, or another partitioning.
        UnavailableError: Retryable. The commit did not happen, or nobody knows: call again
            with a newly opened table.
        StorageError: Final. Anything else.
    """
    check_partition_columns(schema, partition_by)
    one = _Batch(
        uri, app_id, batch, files, schema, tuple(partition_by), metadata or {}, marks or {}, attempt, again
    )
    return _create(one) if table is None else _append(one, table)


def take_over(
    uri: str,
    table: DeltaTable | None,
    *,
    app_id: str,
    batch: int,
    attempt: str,
    schema: pl.Schema,
    partition_by: Sequence[str] = (),
    marks: Mapping[str, str] | None = None,
) -> DeltaTable:
    """Makes sure that nobody else commits `batch` any more who opened the table before; an empty commit.

    It repeats the transaction of the batch before, and delta-rs refuses whoever has not seen it. Where there
    is no table, it is created without rows.

    Args:
        table: As in `commit_batch`, and so are the others; changed in place, to the version of this commit.
        attempt: Tells this attempt at the batch from others.

    Returns:
        The table to commit the batch to.

    Raises:
        ConcurrentRunError: Final. Another process committed or took over this batch meanwhile.
        StorageError: As of `commit_batch`.
    """
    check_partition_columns(schema, partition_by)
    one = _Batch(
        uri, app_id, batch - 1, (), schema, tuple(partition_by), {}, marks or {}, attempt, True, batch
    )
    if last_batch(table, app_id) >= batch:
        raise _faster(one)
    commit = _create(one) if table is None else _append(one, table)
    opened = table or DeltaTable(uri, storage_options=delta_storage_options(uri))
    with translated("open the table", uri):
        # Nothing newer: whatever came after this commit must be a conflict.
        opened.load_as_version(commit.version)
    return opened


def delete_for_batch(
    uri: str, table: DeltaTable, predicate: str, *, app_id: str, batch: int, attempt: str
) -> None:
    """Deletes rows as a part of an attempt at `batch`; one atomic commit, none where no row is meant.

    Args:
        table: Where the rows were looked at; changed in place, to the version of this commit.
        predicate: SQL.
        attempt: Tells this attempt at the batch from others.

    Raises:
        ConcurrentRunError: Final. The application has made another commit since the table was opened.
        StorageError: See `retryable`; the rows may be gone or not.
    """
    one = _Batch(uri, app_id, batch, (), pl.Schema(), (), {}, {}, attempt, again=True, takes_over=batch)
    before = table.version()
    try:
        table.delete(predicate, commit_properties=_properties(one, retries=_COMMIT_RETRIES))
    except Exception as exc:
        newest = open_table(uri)
        found = _found(one, newest, before, exc) if newest is not None else None
        if found is None:
            raise _failure(exc, one) from exc
        table.load_as_version(found.version)


def remove_unused(uri: str, files: Sequence[DataFile]) -> None:
    """Removes those of `files` that are not in the table: another process was faster to commit the batch."""
    table = open_table(uri)
    used = {path.rpartition("/")[2] for path in table.file_uris()} if table is not None else set()
    remove_files(uri, [file.path for file in files if file.path.rpartition("/")[2] not in used])


def _create(one: _Batch) -> Commit:
    try:
        create_table_with_add_actions(
            one.uri,
            marked_schema(one.schema, one.marks),
            _add_actions(one),
            mode="error",
            partition_by=list(one.partition_by),
            configuration=_TABLE_CONFIGURATION,
            storage_options=delta_storage_options(one.uri),
            # With retries, two creators at once both succeed, and the second's schema replaces the first's.
            commit_properties=_properties(one, retries=0),
            post_commithook_properties=_HOOKS,
        )
    except Exception as exc:  # noqa: BLE001 - whatever it was, the log alone knows whether the commit happened
        return _settle(one, None, exc)
    return Commit(version=0, written=True)


def _append(one: _Batch, table: DeltaTable, races: int = 0) -> Commit:
    if not one.again and last_batch(table, one.app_id) >= one.number:
        return Commit(table.version(), written=False)
    before = table.version()
    check_appendable(table, one.partition_by)
    table = evolved(one.uri, table, one.schema, marks=one.marks, nulls=nulls_in(table, one.files))
    if table.version() != before and (commit := _found(one, table, before)):
        return commit
    before = table.version()
    try:
        table.create_write_transaction(
            _add_actions(one),
            "append",
            table.schema(),
            list(one.partition_by),
            commit_properties=_properties(one, retries=_COMMIT_RETRIES),
            post_commithook_properties=_HOOKS,
        )
        table.update_incremental()
    except Exception as exc:  # noqa: BLE001 - whatever it was, the log alone knows whether the commit happened
        return _settle(one, before, exc, races, _demands(table))
    if table.version() == before + 1:
        return Commit(before + 1, written=True)
    return Commit(_version_of(one, table, before) or table.version(), written=True)


def _settle(
    one: _Batch, before: int | None, cause: Exception, races: int = 0, demands: object = None
) -> Commit:
    """Decides after an exception: it happened, somebody else did it, or it did not happen.

    Where it did not, because the columns of the table changed meanwhile, the files are held against the new
    ones, and committed again.
    """
    table = open_table(one.uri)
    if table is None:
        raise _failure(cause, one) from cause
    if commit := _found(one, table, before, cause):
        _log.warning("commit of batch %d to %s succeeded in spite of: %s", one.number, one.uri, cause)
        return commit
    changed = isinstance(cause, CommitFailedError) and _demands(table) != demands
    if before is None or (changed and races < _SCHEMA_RACES):
        return _append(one, table, races + 1)
    raise _failure(cause, one) from cause


def _found(
    one: _Batch, table: DeltaTable, before: int | None, cause: Exception | None = None
) -> Commit | None:
    """This very commit, where it is in the log after `before`; None where the batch is not there at all."""
    version = _version_of(one, table, before)
    if version is not None:
        return Commit(version, written=True)
    ours = replace(one, files=()).commit_id  # an earlier call may have taken the batch over
    others = set(_told_since(table, before, one.app_id).values()) - {ours}
    if others or (not one.again and last_batch(table, one.app_id) >= one.number):
        raise _faster(one) from cause
    return None


def _faster(one: _Batch) -> ConcurrentRunError:
    return ConcurrentRunError(
        f"another process is at batch {one.takes_over or one.number}, or has committed it meanwhile",
        where=f"{one.uri}, application {one.app_id!r}",
        expected="one run of a pipeline at a time",
        next_step="nothing is lost and nothing is doubled; run again once the other run has ended",
    )


def _demands(table: DeltaTable) -> tuple[object, ...]:
    """What a writer of the table must go by; delta-rs refuses commits of those who know it otherwise."""
    protocol = table.protocol()
    features = sorted(protocol.writer_features or ())
    return table.schema().to_json(), table.metadata().configuration, protocol.min_writer_version, features


def _version_of(one: _Batch, table: DeltaTable, before: int | None) -> int | None:
    """The version that this very commit made, among those after `before`; None where it is not among them."""
    newer = _told_since(table, before, one.app_id)
    return next((version for version, told in newer.items() if told == one.commit_id), None)


def _told_since(table: DeltaTable, before: int | None, app_id: str) -> dict[int, str | None]:
    """The commits of an application after version `before`, and the identity that each has."""
    newer = table.version() - (-1 if before is None else before)
    told = {int(one["version"]): one.get(METADATA_KEY) for one in (table.history(newer) if newer > 0 else ())}
    return {
        version: ours.get("commit_id")
        for version, ours in told.items()
        if isinstance(ours, dict) and ours.get("app_id") == app_id
    }


def _properties(one: _Batch, *, retries: int) -> CommitProperties:
    return CommitProperties(
        custom_metadata={METADATA_KEY: {**one.told, "metadata": dict(one.metadata)}},
        max_commit_retries=retries,
        app_transactions=[Transaction(one.app_id, one.number)],
    )


def _add_actions(one: _Batch) -> list[AddAction]:
    return [
        AddAction(file.path, file.size, file.partition_values, file.modified_ms, True, file.stats)
        for file in one.files
    ]


def _has_log(uri: str) -> bool:
    fs, path = open_filesystem(uri)
    try:
        return any(name.endswith(".json") for name in fs.ls(f"{path}/_delta_log", detail=False))
    except FileNotFoundError:
        return False


def _failure(exc: Exception, one: _Batch) -> StorageError:
    """A commit that certainly did not happen; a lost race to a version is worth another try."""
    error = storage_error(exc, doing=f"commit batch {one.number} of {one.app_id}", where=one.uri)
    if not isinstance(exc, CommitFailedError) or error.retryable:
        return error
    faster = "run again: other writers of the table were faster"
    return UnavailableError(error.what, where=error.where, got=error.got, next_step=faster)
