"""Writes the quarantine: a Delta table beside the data, one commit for each batch with refused records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from types import TracebackType
from typing import Any, Self

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction

from storage.errors import ConcurrentRunError
from storage.filesystem import delta_storage_options
from storage.layout.data_file import DataFile
from storage.layout.table_writer import TableWriter
from storage.tables.delta import commit_batch, last_batch, open_table, remove_unused
from storage.tables.quarantined import (
    MARKER_SCHEMA,
    QUARANTINE_SCHEMA,
    REFUSED_SCHEMA,
    REPLAYED,
    quarantine_rows,
    quarantine_uri,
)
from storage.upstream import translated

_PARTITION_BY = ("pipeline",)


class QuarantineWriter:
    """Takes the refused records of one batch, and leaves files that `commit_quarantine` makes visible.

    Args:
        table_uri: The data table's.
        buffer_bytes: Memory for records, the blocks that they point into included.
    """

    def __init__(
        self, table_uri: str, pipeline: str, batch: int, *, buffer_bytes: int = 64 * 1024 * 1024
    ) -> None:
        self._batch = (
            pl.lit(pipeline, pl.String).alias("pipeline"),
            pl.lit(batch, pl.Int64).alias("batch"),
        )
        self._adding = Lock()
        self._writer = TableWriter(
            quarantine_uri(table_uri),
            partition_by=_PARTITION_BY,
            sort_by=("path", "record"),
            buffer_bytes=buffer_bytes,
        )

    def add(self, refused: pl.DataFrame) -> None:
        """Takes rows with the columns of `REFUSED_SCHEMA`, or castable to them; from any thread."""
        self._write(refused.select(_cast(REFUSED_SCHEMA)).with_columns(replays=pl.lit(None, pl.Int64)))

    def take_in(self, records: pl.DataFrame) -> None:
        """Marks records that this batch takes in: rows with the columns of `MARKER_SCHEMA`; as `add`."""
        nothing = [pl.lit(None, dtype).alias(name) for name, dtype in REFUSED_SCHEMA.items()]
        markers = records.select(_cast(MARKER_SCHEMA)).with_columns(reason=pl.lit(REPLAYED))
        self._write(
            markers.with_columns(one for one in nothing if one.meta.output_name() not in markers.columns)
        )

    def _write(self, rows: pl.DataFrame) -> None:
        with self._adding:
            self._writer.write(rows.select(*self._batch, *REFUSED_SCHEMA, "replays"))

    def finish(self) -> list[DataFile]:
        """Writes what is left, and returns all files of the batch; none where no record was refused."""
        return self._writer.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.abort()


def _cast(schema: pl.Schema) -> list[pl.Expr]:
    return [pl.col(name).cast(dtype) for name, dtype in schema.items()]


def commit_quarantine(
    table_uri: str,
    pipeline: str,
    batch: int,
    files: Sequence[DataFile],
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Makes the refused records of a batch visible; to be called before the batch itself is committed.

    Atomic and safe to repeat. Where an earlier attempt at the batch got this far and refused other records,
    because the pipeline was changed since, its records are taken out again. A batch without refused records
    commits nothing.

    Args:
        files: What `QuarantineWriter.finish` gave; those that turn out not to be needed are removed.
        metadata: JSON values, kept in the commit.

    Raises:
        ConcurrentRunError: Final. Another run of the pipeline is at this batch.
        StorageError: Reading or writing failed, see `retryable`.
    """
    uri = quarantine_uri(table_uri)
    table = open_table(uri)
    newest = last_batch(table, pipeline)
    if newest == batch and _holds_the_same(table_uri, pipeline, batch, files):
        remove_unused(uri, files)
        return
    try:
        if table is not None and newest >= batch:
            _check_unfinished(table_uri, pipeline, batch)
            table = _without(uri, table, pipeline, batch)
        if files:
            _append(uri, table, pipeline, batch, files, metadata or {})
    except ConcurrentRunError:
        remove_unused(uri, files)
        raise


def _holds_the_same(table_uri: str, pipeline: str, batch: int, files: Sequence[DataFile]) -> bool:
    """Whether the records of a batch that are visible are those in `files`, in whatever order."""
    uri = quarantine_uri(table_uri)
    with translated("read the quarantine", uri):
        visible = quarantine_rows(table_uri, pipeline).filter(pl.col("batch") == batch)
        return _digest(visible).equals(_digest(_unpublished(uri, files)))


def _unpublished(uri: str, files: Sequence[DataFile]) -> pl.LazyFrame:
    if not files:
        return QUARANTINE_SCHEMA.to_frame(eager=False)
    paths = [f"{uri}/{file.path}" for file in files]
    options = delta_storage_options(uri) or None
    return pl.scan_parquet(paths, glob=False, hive_partitioning=False, storage_options=options)


def _digest(records: pl.LazyFrame) -> pl.DataFrame:
    """One row that tells sets of records apart: how many, and the sum of their hashes."""
    hashes = pl.struct(*REFUSED_SCHEMA, "replays").hash()
    return records.select(rows=pl.len(), hashes=hashes.sum()).collect(engine="streaming")


def _append(
    uri: str,
    table: DeltaTable | None,
    pipeline: str,
    batch: int,
    files: Sequence[DataFile],
    metadata: Mapping[str, Any],
) -> None:
    commit_batch(
        uri,
        table,
        app_id=pipeline,
        batch=batch,
        files=files,
        schema=QUARANTINE_SCHEMA,
        partition_by=_PARTITION_BY,
        metadata=metadata,
    )


def _check_unfinished(table_uri: str, pipeline: str, batch: int) -> None:
    if last_batch(open_table(table_uri), pipeline) >= batch:
        raise ConcurrentRunError(
            f"batch {batch} was committed by another run meanwhile",
            where=f"{table_uri}, pipeline {pipeline!r}",
            expected="one run of a pipeline at a time",
            next_step="nothing is lost and nothing is doubled; run again once the other run has ended",
        )


def _without(uri: str, table: DeltaTable, pipeline: str, batch: int) -> DeltaTable | None:
    """The quarantine as it was before `batch`: whatever the data table never got is not refused either."""
    properties = CommitProperties(app_transactions=[Transaction(pipeline, batch - 1)])
    with translated("take back the records of an unfinished batch", uri):
        table.delete(f"pipeline = '{pipeline}' and batch >= {batch}", commit_properties=properties)
    return open_table(uri)
