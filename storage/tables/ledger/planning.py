"""Plans batches: one commit of the ledger each, before anything else of a batch happens."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from deltalake import DeltaTable

from storage.errors import ConcurrentRunError, TableError
from storage.tables.commits import commit_batch, delete_for_batch
from storage.tables.delta import last_batch, open_table, remove_unused
from storage.tables.ledger.planned import (
    FILES,
    LEDGER_SCHEMA,
    TAKES_IN,
    ledger_uri,
    numbered,
    rows_of,
    standing_files,
    taken,
    waiting,
)
from storage.tables.write_probe import probe_store
from storage.upstream import translated

_PARTITION_BY = ("pipeline",)
_BUFFER_BYTES = 64 * 1024 * 1024


def plan(
    table_uri: str,
    pipeline: str,
    batch: int,
    *,
    landed: Callable[[], pl.DataFrame],
    max_files: int,
    max_bytes: int,
) -> pl.DataFrame | None:
    """The files of batch `batch`, written down in the ledger; None where nothing waits.

    Where the ledger holds the batch already, an earlier attempt died: exactly its files come back, and
    nothing is listed. Else those files that no batch of the pipeline holds are taken, the oldest first, by
    path where they are equally old, up to the limits. Atomic and safe to repeat: the plan is one commit,
    whose transaction `(pipeline/plan, batch)` is checked on the very table that the files were read from.

    Args:
        table_uri: The data table's.
        batch: One more than the last batch of the pipeline in the data table.
        landed: Lists the landing zone, as `list_landing` does.
        max_files: At least 1.
        max_bytes: Of the files as stored; one file is taken however large it is.

    Returns:
        Columns `file`, `path`, `identity`, `size`, `modified`, `replays`, `undoes`, `rebuilds`, one row a
        file, sorted by `file`. The batch may be one that replays, undoes or rebuilds, where an earlier
        attempt at such a batch died.

    Raises:
        ConcurrentRunError: Final. Another run of the pipeline planned this batch meanwhile.
        TableError: Final. The ledger lacks batches that the data table holds.
        NotFoundError: The landing zone does not exist. An empty prefix of an object store counts as empty
            once the pipeline has taken files in.
        StorageError: Reading or writing failed, see `retryable`.
    """

    def chosen(uri: str, table: DeltaTable | None) -> pl.DataFrame:
        return _within(waiting(uri, table, pipeline, landed), max_files, max_bytes)

    return _plan(table_uri, pipeline, batch, chosen)


def plan_versions(
    table_uri: str, pipeline: str, batch: int, *, waiting: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame | None:
    """The same as `plan`, for a batch of the files of a table; None where nothing waits.

    Args:
        waiting: Gets what `taken_files` gives, and gives the files of the batch in their order: columns path,
            identity, size and modified, as `plan` has them.
    """

    def chosen(uri: str, table: DeltaTable | None) -> pl.DataFrame:
        return numbered(waiting(taken(uri, table, pipeline)).with_columns(**TAKES_IN))

    return _plan(table_uri, pipeline, batch, chosen)


def plan_replay(
    table_uri: str,
    pipeline: str,
    batch: int,
    *,
    open_files: Callable[[], pl.DataFrame],
    max_files: int,
    max_bytes: int,
) -> pl.DataFrame | None:
    """The same as `plan`, for a batch that takes records out of the quarantine; None where none is to replay.

    Where the ledger holds the batch already, it comes back as it is, whatever kind of batch it is.

    Args:
        open_files: Gives rows of `OPEN_FILES_SCHEMA`, in the order in which they are to be taken.
        max_files: As in `plan`; as is max_bytes, of records.
    """

    def chosen(uri: str, table: DeltaTable | None) -> pl.DataFrame:
        found = _of_landed(uri, rows_of(uri, table, pipeline), open_files(), batch)
        return _within(found, max_files, max_bytes)

    return _plan(table_uri, pipeline, batch, chosen)


def plan_undo(table_uri: str, pipeline: str, batch: int, *, undoes: int) -> pl.DataFrame:
    """The same as `plan`, for a batch that takes the batch `undoes` out of the table.

    Where the ledger holds the batch already, it comes back as it is, whatever kind of batch it is.

    Args:
        undoes: A batch of the data table that no other has undone, and that undoes none.
    """

    def undone(uri: str, table: DeltaTable | None) -> pl.DataFrame:
        files = _batch(uri, table, pipeline, undoes)
        return files.with_columns(undoes=pl.lit(undoes, pl.Int64))

    planned = _plan(table_uri, pipeline, batch, undone)
    assert planned is not None, "no batch is without files"
    return planned


def plan_rebuild(table_uri: str, pipeline: str, batch: int) -> pl.DataFrame | None:
    """The same as `plan`, for a batch that takes in again what all batches before it have taken in.

    Where the ledger holds the batch already, it comes back as it is, whatever kind of batch it is. None where
    there is nothing: every batch was undone, or there was none.
    """

    def chosen(uri: str, table: DeltaTable | None) -> pl.DataFrame:
        with translated("read the ledger", uri):
            files = rows_of(uri, table, pipeline).collect()
        return numbered(standing_files(files, batch))

    return _plan(table_uri, pipeline, batch, chosen)


def unplan(table_uri: str, pipeline: str, batch: int) -> None:
    """Takes back the newest plan, of a batch that nobody can commit any more; safe to repeat.

    Raises:
        ConcurrentRunError: Final. Another run of the pipeline plans at the same time.
        StorageError: Reading or writing failed, see `retryable`.
    """
    uri = ledger_uri(table_uri)
    table = open_table(uri)
    if table is None or last_batch(table, _application(pipeline)) != batch:
        return
    rows = f"pipeline = '{pipeline}' and batch = {batch}"
    delete_for_batch(
        uri, table, rows, app_id=_application(pipeline), batch=batch - 1, attempt=f"without {batch}"
    )


def _plan(
    table_uri: str, pipeline: str, batch: int, choose: Callable[[str, DeltaTable | None], pl.DataFrame]
) -> pl.DataFrame | None:
    """The batch as the ledger has it, or as it is chosen and written down now; None where nothing is."""
    uri = ledger_uri(table_uri)
    table = open_table(uri)
    newest = last_batch(table, _application(pipeline))
    _check_complete(uri, pipeline, batch, newest)
    if newest >= batch:
        return _batch(uri, table, pipeline, batch)
    files = choose(uri, table)
    if files.is_empty():
        return None
    _append(uri, table, pipeline, batch, files)
    return files


def _application(pipeline: str) -> str:
    return f"{pipeline}/plan"


def _check_complete(uri: str, pipeline: str, batch: int, newest: int) -> None:
    if newest < batch - 1:
        raise TableError(
            "the ledger lacks batches that the data table holds; their files would be taken in again",
            where=f"{uri}, pipeline {pipeline!r}",
            got=f"batches up to {newest}",
            expected=f"batches up to {batch - 1}",
            next_step="put the ledger back; it must be copied and moved together with its data table",
        )


def _batch(uri: str, table: DeltaTable | None, pipeline: str, batch: int) -> pl.DataFrame:
    rows = rows_of(uri, table, pipeline).filter(pl.col("batch") == batch).select(FILES).sort("file")
    with translated("read the ledger", uri):
        files = rows.collect()
    if files.is_empty():
        raise TableError(
            "the ledger has lost the files of a batch that it planned",
            where=f"{uri}, pipeline {pipeline!r}, batch {batch}",
            next_step="restore the ledger to the version that held them: nothing in it may ever be deleted",
        )
    return files


def _of_landed(uri: str, planned: pl.LazyFrame, files: pl.DataFrame, batch: int) -> pl.DataFrame:
    """Rows of OPEN_FILES_SCHEMA with what the ledger has of their files, and an identity of their own."""
    with translated("read the ledger", uri):
        landed = planned.filter(pl.col("replays").is_null(), pl.col("undoes").is_null())
        known = landed.select("path", "modified", replays="batch").collect()
    identity = pl.format("batch {}, replayed by {}", "replays", pl.lit(batch))
    found = files.join(known, on=["replays", "path"], maintain_order="left")
    others = {name: TAKES_IN[name] for name in ("undoes", "rebuilds")}
    return found.with_columns(identity=identity, **others)


def _within(waiting: pl.DataFrame, max_files: int, max_bytes: int) -> pl.DataFrame:
    fits = (pl.col("size").cum_sum() <= max_bytes) | (pl.int_range(pl.len()) == 0)
    return numbered(waiting.filter(fits).head(max_files))


def _append(uri: str, table: DeltaTable | None, pipeline: str, batch: int, files: pl.DataFrame) -> None:
    # Not at the top: what writes Parquet takes 0.3 s to import, which a run with nothing to do must not cost.
    from storage.layout.table_writer import TableWriter

    probe_store(uri)
    rows = files.select(pl.lit(pipeline).alias("pipeline"), pl.lit(batch, pl.Int64).alias("batch"), *FILES)
    with TableWriter(uri, partition_by=_PARTITION_BY, buffer_bytes=_BUFFER_BYTES) as writer:
        writer.write(rows)
        written = writer.finish()
    try:
        commit_batch(
            uri,
            table,
            app_id=_application(pipeline),
            batch=batch,
            files=written,
            schema=LEDGER_SCHEMA,
            partition_by=_PARTITION_BY,
        )
    except ConcurrentRunError:
        remove_unused(uri, written)
        raise
