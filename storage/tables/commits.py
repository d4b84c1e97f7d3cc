"""Commits a batch to a Delta table exactly once.

A commit carries the transaction `(app_id, batch)`, and is made on the very `DeltaTable` whose transaction was
looked at: delta-rs refuses a commit where the same application made another one *since that table was
loaded*, and nothing else; a later replay, even of a lower number, it takes. After any exception the log is
read again, because a commit whose answer got lost did happen.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from deltalake import DeltaTable, PostCommitHookProperties
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import create_table_with_add_actions

from storage.filesystem import delta_storage_options
from storage.layout.data_file import DataFile
from storage.layout.table_schema import check_partition_columns
from storage.tables.attempt import Attempt, Commit, failure, faster, found_in, version_of
from storage.tables.delta import last_batch, open_table
from storage.tables.schema.appendable import check_appendable, nulls_in
from storage.tables.schema.evolution import evolved, marked_schema
from storage.tables.schema.statistics_columns import STATISTICS_COLUMNS, statistics_columns, unbounded_in
from storage.tables.write_probe import probe_store
from storage.upstream import translated

_log = logging.getLogger(__name__)

_RACES = 20
"""Times that other writers may change the columns of the table, or its rows, while a batch is committed."""

_TABLE_CONFIGURATION = {
    # The counts of each batch live in the commits, and `penstock verify` reads all of them: the 30 days that
    # delta-rs and Spark keep commits for, once a checkpoint holds their files, would take the proof away.
    "delta.logRetentionDuration": "interval 3650 days",
    # Compaction by other tools computes statistics for the first 32 columns only, unless told otherwise.
    "delta.dataSkippingNumIndexedCols": "-1",
}
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Checkpoints as the table's settings say; no clean-up of the log either in tables that others created."""


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
        UnsafeStoreError: Final. The store could lose the commit.
        StorageError: Final. Anything else.
    """
    probe_store(uri)
    check_partition_columns(schema, partition_by)
    one = Attempt(
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
    probe_store(uri)
    check_partition_columns(schema, partition_by)
    one = Attempt(
        uri, app_id, batch - 1, (), schema, tuple(partition_by), {}, marks or {}, attempt, True, batch
    )
    if last_batch(table, app_id) >= batch:
        raise faster(one)
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
    probe_store(uri)
    one = Attempt(uri, app_id, batch, (), pl.Schema(), (), {}, {}, attempt, again=True, takes_over=batch)
    before = table.version()
    try:
        table.delete(predicate, commit_properties=one.properties())
    except Exception as exc:
        newest = open_table(uri)
        found = found_in(one, newest, before, exc) if newest is not None else None
        if found is None:
            raise failure(exc, one) from exc
        table.load_as_version(found.version)


def _create(one: Attempt) -> Commit:
    try:
        create_table_with_add_actions(
            one.uri,
            marked_schema(one.schema, one.marks),
            one.add_actions(),
            mode="error",
            partition_by=list(one.partition_by),
            configuration=_configuration(one),
            storage_options=delta_storage_options(one.uri),
            # With retries, two creators at once both succeed, and the second's schema replaces the first's.
            commit_properties=one.properties(retries=0),
            post_commithook_properties=_HOOKS,
        )
    except Exception as exc:  # noqa: BLE001 - whatever it was, the log alone knows whether the commit happened
        return _settle(one, None, exc)
    return Commit(version=0, written=True)


def _configuration(one: Attempt) -> dict[str, str]:
    """The properties of a new table, with the columns of which its files tell bounds where not of all."""
    unbounded = unbounded_in(one.schema, one.files)
    if not unbounded:
        return _TABLE_CONFIGURATION
    bounded = [name for name in one.schema if name not in unbounded and name not in one.partition_by]
    return {**_TABLE_CONFIGURATION, STATISTICS_COLUMNS: statistics_columns(bounded)}


def _append(one: Attempt, table: DeltaTable, races: int = 0) -> Commit:
    if not one.again and last_batch(table, one.app_id) >= one.number:
        return Commit(table.version(), written=False)
    before = table.version()
    check_appendable(table, one.partition_by)
    nulls, unbounded = nulls_in(table, one.files), unbounded_in(one.schema, one.files)
    table = evolved(one.uri, table, one.schema, marks=one.marks, nulls=nulls, unbounded=unbounded)
    if table.version() != before and (commit := found_in(one, table, before)):
        return commit
    before = table.version()
    try:
        table.create_write_transaction(
            one.add_actions(),
            "append",
            table.schema(),
            list(one.partition_by),
            commit_properties=one.properties(),
            post_commithook_properties=_HOOKS,
        )
        table.update_incremental()
    except Exception as exc:  # noqa: BLE001 - whatever it was, the log alone knows whether the commit happened
        return _settle(one, before, exc, races)
    if table.version() == before + 1:
        return Commit(before + 1, written=True)
    return Commit(version_of(one, table, before) or table.version(), written=True)


def _settle(one: Attempt, before: int | None, cause: Exception, races: int = 0) -> Commit:
    """Decides after an exception: it happened, somebody else did it, or it did not happen.

    Where it did not, because of what others committed meanwhile, the files are held against the table as it
    is now, and committed again: delta-rs 1.6.3 refuses appends beside new columns, deletes and updates.
    """
    table = open_table(one.uri)
    if table is None:
        raise failure(cause, one) from cause
    if commit := found_in(one, table, before, cause):
        _log.warning("commit of batch %d to %s succeeded in spite of: %s", one.number, one.uri, cause)
        return commit
    if before is None or (isinstance(cause, CommitFailedError) and races < _RACES):
        return _append(one, table, races + 1)
    raise failure(cause, one) from cause
