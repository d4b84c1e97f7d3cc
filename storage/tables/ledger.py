"""The ledger: which file belongs to which batch; a Delta table beside the data, one commit a batch."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from deltalake import DeltaTable

from storage.errors import ConcurrentRunError, NothingLandedError, TableError
from storage.filesystem import delta_storage_options
from storage.landing.listing import LANDING_SCHEMA
from storage.tables.commits import commit_batch, delete_for_batch
from storage.tables.delta import last_batch, open_table, remove_unused
from storage.tables.write_probe import probe_store
from storage.upstream import translated

LEDGER_SCHEMA = pl.Schema(
    {
        "pipeline": pl.String(),
        "batch": pl.Int64(),
        "file": pl.Int32(),
        **LANDING_SCHEMA,
        "replays": pl.Int64(),
        "undoes": pl.Int64(),
    },
)
"""One row a file: `file`, its position in the batch, from 0; the rest as `list_landing` gave it.

In a batch that replays, one row for each file with records to replay and each batch that refused some of
them, which `replays` names; `size` is that of the records; `identity` says that no file is meant.

A batch that undoes another has the rows of that one again, and its number in `undoes`: the files count as
not taken in from then on."""

OPEN_FILES_SCHEMA = pl.Schema(
    {name: LEDGER_SCHEMA[name] for name in ("replays", "path", "size")} | {"records": pl.Int64()}
)
"""Files with records to replay: the batch that refused these, the path, their bytes and their number."""

_PARTITION_BY = ("pipeline",)
_FILES = ("file", *LANDING_SCHEMA, "replays", "undoes")
_BUFFER_BYTES = 64 * 1024 * 1024


def ledger_uri(table_uri: str) -> str:
    """Where the ledger of a data table is."""
    return f"{table_uri.rstrip('/')}_ledger"


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
        Columns `file`, `path`, `identity`, `size`, `modified`, `replays`, `undoes`, one row a file, sorted by
        `file`. The batch may be one that replays or undoes, where an earlier attempt at such a batch died.

    Raises:
        ConcurrentRunError: Final. Another run of the pipeline planned this batch meanwhile.
        TableError: Final. The ledger lacks batches that the data table holds.
        NotFoundError: The landing zone does not exist. An empty prefix of an object store counts as empty
            once the pipeline has taken files in.
        StorageError: Reading or writing failed, see `retryable`.
    """

    def waiting(uri: str, table: DeltaTable | None) -> pl.DataFrame:
        return _within(_waiting(uri, table, pipeline, landed), max_files, max_bytes)

    return _plan(table_uri, pipeline, batch, waiting)


def plan_versions(
    table_uri: str, pipeline: str, batch: int, *, waiting: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame | None:
    """The same as `plan`, for a batch of the files of a table; None where nothing waits.

    Args:
        waiting: Gets what `taken_files` gives, and gives the files of the batch in their order: columns path,
            identity, size and modified, as `plan` has them.
    """

    def chosen(uri: str, table: DeltaTable | None) -> pl.DataFrame:
        nothing = pl.lit(None, pl.Int64)
        return _numbered(waiting(_taken(uri, table, pipeline)).with_columns(replays=nothing, undoes=nothing))

    return _plan(table_uri, pipeline, batch, chosen)


def taken_files(table_uri: str, pipeline: str) -> pl.DataFrame:
    """The files that the ledger has of a pipeline, in the order in which they were planned; eager.

    Columns path, identity, size and modified, as in `plan`; and `in_force`, false where a later batch has
    undone the one that took the file in.

    Raises:
        StorageError: The ledger cannot be read.
    """
    uri = ledger_uri(table_uri)
    return _taken(uri, open_table(uri), pipeline)


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
        found = _of_landed(uri, _rows(uri, table, pipeline), open_files(), batch)
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


def undone_batches(files: pl.DataFrame) -> pl.Series:
    """The batches that a later one has undone; `files` has the columns `batch` and `undoes`."""
    return files["undoes"].drop_nulls().unique()


def planned_files(table_uri: str, pipeline: str) -> pl.LazyFrame:
    """What the ledger knows of a pipeline: the columns of LEDGER_SCHEMA without the pipeline's name.

    Lazy, in no order: a filter on `batch` reads the files of that batch only. No rows without a ledger.

    Raises:
        StorageError: The ledger cannot be read.
    """
    uri = ledger_uri(table_uri)
    return _rows(uri, open_table(uri), pipeline)


def waiting_files(table_uri: str, pipeline: str, landed: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """The landed files that no batch of the pipeline holds, in the order they will be taken; plans nothing.

    Columns, order and errors as in `plan`.
    """
    uri = ledger_uri(table_uri)
    return _numbered(_waiting(uri, open_table(uri), pipeline, landed))


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


def _rows(uri: str, table: DeltaTable | None, pipeline: str) -> pl.LazyFrame:
    if table is None:
        return LEDGER_SCHEMA.to_frame(eager=False).drop("pipeline")
    rows = pl.scan_delta(table, storage_options=delta_storage_options(uri) or None)
    # Ledgers from before a column was thought of get it with the next batch.
    missing = LEDGER_SCHEMA.keys() - {field.name for field in table.schema().fields}
    rows = rows.with_columns(pl.lit(None, LEDGER_SCHEMA[name]).alias(name) for name in missing)
    return rows.filter(pl.col("pipeline") == pipeline).select(
        name for name in LEDGER_SCHEMA if name != "pipeline"
    )


def _batch(uri: str, table: DeltaTable | None, pipeline: str, batch: int) -> pl.DataFrame:
    rows = _rows(uri, table, pipeline).filter(pl.col("batch") == batch).select(_FILES).sort("file")
    with translated("read the ledger", uri):
        files = rows.collect()
    if files.is_empty():
        raise TableError(
            "the ledger has lost the files of a batch that it planned",
            where=f"{uri}, pipeline {pipeline!r}, batch {batch}",
            next_step="restore the ledger to the version that held them: nothing in it may ever be deleted",
        )
    return files


def _waiting(
    uri: str, table: DeltaTable | None, pipeline: str, landed: Callable[[], pl.DataFrame]
) -> pl.DataFrame:
    with translated("read the ledger", uri):
        files = _rows(uri, table, pipeline).select("path", "identity", "batch", "undoes").collect()
    known = _in_force(files)
    try:
        found = landed()
    except NothingLandedError:
        if known.is_empty():
            raise
        found = LANDING_SCHEMA.to_frame()
    return (
        found.join(known, on=["path", "identity"], how="anti")
        .sort("modified", "path")
        .with_columns(replays=pl.lit(None, pl.Int64), undoes=pl.lit(None, pl.Int64))
    )


def _taken(uri: str, table: DeltaTable | None, pipeline: str) -> pl.DataFrame:
    with translated("read the ledger", uri):
        files = _rows(uri, table, pipeline).collect()
    landed = files.filter(pl.col("replays").is_null(), pl.col("undoes").is_null()).sort("batch", "file")
    in_force = ~pl.col("batch").is_in(undone_batches(files).implode())
    return landed.select(*LANDING_SCHEMA, in_force=in_force)


def _in_force(files: pl.DataFrame) -> pl.DataFrame:
    """The files of batches that no other has undone; columns as given, `batch` and `undoes` among them."""
    if files["undoes"].null_count() == files.height:
        return files
    gone = undone_batches(files).implode()
    return files.filter(pl.col("undoes").is_null(), ~pl.col("batch").is_in(gone))


def _of_landed(uri: str, planned: pl.LazyFrame, files: pl.DataFrame, batch: int) -> pl.DataFrame:
    """Rows of OPEN_FILES_SCHEMA with what the ledger has of their files, and an identity of their own."""
    with translated("read the ledger", uri):
        landed = planned.filter(pl.col("replays").is_null(), pl.col("undoes").is_null())
        known = landed.select("path", "modified", replays="batch").collect()
    identity = pl.format("batch {}, replayed by {}", "replays", pl.lit(batch))
    found = files.join(known, on=["replays", "path"], maintain_order="left")
    return found.with_columns(identity=identity, undoes=pl.lit(None, pl.Int64))


def _within(waiting: pl.DataFrame, max_files: int, max_bytes: int) -> pl.DataFrame:
    fits = (pl.col("size").cum_sum() <= max_bytes) | (pl.int_range(pl.len()) == 0)
    return _numbered(waiting.filter(fits).head(max_files))


def _numbered(files: pl.DataFrame) -> pl.DataFrame:
    return files.select(pl.int_range(pl.len(), dtype=pl.Int32).alias("file"), *_FILES[1:])


def _append(uri: str, table: DeltaTable | None, pipeline: str, batch: int, files: pl.DataFrame) -> None:
    # Not at the top: what writes Parquet takes 0.3 s to import, which a run with nothing to do must not cost.
    from storage.layout.table_writer import TableWriter

    probe_store(uri)
    rows = files.select(pl.lit(pipeline).alias("pipeline"), pl.lit(batch, pl.Int64).alias("batch"), *_FILES)
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
