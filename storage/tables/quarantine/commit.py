"""Writes the quarantine: a Delta table beside the data, one commit for each batch with refused records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock
from types import TracebackType
from typing import Any, Self

import polars as pl

from storage.errors import ConcurrentRunError
from storage.filesystem import delta_storage_options
from storage.layout.data_file import DataFile
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch, delete_for_batch
from storage.tables.content_hash import content_hash
from storage.tables.delta import last_batch, open_table, remove_unused
from storage.tables.quarantine.records import (
    MARKER_SCHEMA,
    QUARANTINE_SCHEMA,
    REFUSED_SCHEMA,
    REPLAYED,
    UNDONE,
    quarantine_uri,
    rows_in,
)
from storage.upstream import translated

_PARTITION_BY = ("pipeline",)
_ROW_GROUP_ROWS = 8192
"""The unit of memory of who writes records and reads them again: long texts, and a header beside each."""


class QuarantineWriter:
    """Takes the refused records of one batch, and leaves files that a `QuarantineCommit` makes visible.

    Args:
        table_uri: The data table's.
        buffer_bytes: Memory for records, the blocks that they point into included.

    Attributes:
        reasons: How many records were refused, by reason; markers are none.
    """

    def __init__(
        self, table_uri: str, pipeline: str, batch: int, *, buffer_bytes: int = 64 * 1024 * 1024
    ) -> None:
        self._batch = (
            pl.lit(pipeline, pl.String).alias("pipeline"),
            pl.lit(batch, pl.Int64).alias("batch"),
        )
        self._adding = Lock()
        self.reasons: Counter[str] = Counter()
        self._writer = TableWriter(
            quarantine_uri(table_uri),
            partition_by=_PARTITION_BY,
            layout=FileLayout(sort_by=("path", "record"), row_group_rows=_ROW_GROUP_ROWS),
            buffer_bytes=buffer_bytes,
        )

    def add(self, refused: pl.DataFrame) -> None:
        """Takes rows with the columns of `REFUSED_SCHEMA`, or castable to them; from any thread."""
        rows = refused.select(_cast(REFUSED_SCHEMA)).with_columns(replays=pl.lit(None, pl.Int64))
        counts = reason_counts(rows)
        with self._adding:
            self.reasons.update(counts)
        self._write(rows)

    def take_in(self, records: pl.DataFrame) -> None:
        """Marks records that this batch takes in: rows with the columns of `MARKER_SCHEMA`; as `add`."""
        nothing = [pl.lit(None, dtype).alias(name) for name, dtype in REFUSED_SCHEMA.items()]
        markers = records.select(_cast(MARKER_SCHEMA)).with_columns(reason=pl.lit(REPLAYED))
        self._write(
            markers.with_columns(one for one in nothing if one.meta.output_name() not in markers.columns)
        )

    def undo(self, batch: int) -> None:
        """Marks all that a batch refused and took in as undone."""
        nothing = {name: pl.Series([None], dtype=dtype) for name, dtype in REFUSED_SCHEMA.items()}
        row = pl.DataFrame(nothing).with_columns(reason=pl.lit(UNDONE), replays=pl.lit(batch, pl.Int64))
        self._write(row)

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


def reason_counts(refused: pl.DataFrame) -> dict[str, int]:
    """How many of some records have each `reason`."""
    counts = refused["reason"].value_counts()
    return dict(zip(counts["reason"], counts["count"], strict=True))


def _cast(schema: pl.Schema) -> list[pl.Expr]:
    return [pl.col(name).cast(dtype) for name, dtype in schema.items()]


class QuarantineCommit:
    """The refused records of a batch, to be made visible before the batch itself is committed.

    Each batch commits to the quarantine, if only that it refused nothing: two runs that are at one batch
    under different contracts must meet here. The first comes through. The second finds the rows of the first,
    and must take the batch over in the data table (`delta.take_over`) before it puts its own in their place:
    so the first can not commit its data any more. Whoever changes the quarantine at the same time fails.

    Args:
        files: What `QuarantineWriter.finish` gave; those that turn out not to be needed are removed.
        attempt: Tells this attempt at the batch from others.

    Attributes:
        replaces: Whether the rows of another attempt must give way.

    Raises:
        StorageError: Reading failed, see `retryable`.
    """

    def __init__(
        self, table_uri: str, pipeline: str, batch: int, files: Sequence[DataFile], *, attempt: str
    ) -> None:
        self._uri, self._pipeline, self._batch = quarantine_uri(table_uri), pipeline, batch
        self._files, self._attempt = files, attempt
        self._table = open_table(self._uri)
        begun = last_batch(self._table, pipeline) >= batch
        self._is_there = begun and self._holds_the_same()
        self.replaces = begun and not self._is_there

    def commit(self, metadata: Mapping[str, Any] | None = None) -> None:
        """Makes the records visible, and those of another attempt disappear. Safe to repeat.

        Where `replaces`, these are two commits: a process that dies in between leaves none of the records.

        Args:
            metadata: JSON values, kept in the commit.

        Raises:
            ConcurrentRunError: Final. Another run of the pipeline is at this batch.
            StorageError: Reading or writing failed, see `retryable`.
        """
        try:
            if self.replaces:
                self._remove_others()
            self._append([] if self._is_there else self._files, metadata or {})
        except ConcurrentRunError:
            self.give_up()
            raise
        if self._is_there:
            self.give_up()

    def give_up(self) -> None:
        """Removes those of the files that are not in the quarantine."""
        remove_unused(self._uri, self._files)

    def _holds_the_same(self) -> bool:
        """Whether the records of the batch that are visible are those in the files, in whatever order."""
        with translated("read the quarantine", self._uri):
            visible = rows_in(self._table, self._uri, self._pipeline).filter(pl.col("batch") >= self._batch)
            return _hash(visible) == _hash(_unpublished(self._uri, self._files))

    def _append(self, files: Sequence[DataFile], metadata: Mapping[str, Any]) -> None:
        commit_batch(
            self._uri,
            self._table,
            app_id=self._pipeline,
            batch=self._batch,
            files=files,
            schema=QUARANTINE_SCHEMA,
            partition_by=_PARTITION_BY,
            metadata=metadata,
            attempt=self._attempt,
            again=True,
        )

    def _remove_others(self) -> None:
        """The quarantine as it was before the batch: what the data table never got is not refused either."""
        if self._table is not None:
            rows = f"pipeline = '{self._pipeline}' and batch >= {self._batch}"
            delete_for_batch(
                self._uri, self._table, rows, app_id=self._pipeline, batch=self._batch, attempt=self._attempt
            )


def _unpublished(uri: str, files: Sequence[DataFile]) -> pl.LazyFrame:
    if not files:
        return QUARANTINE_SCHEMA.to_frame(eager=False)
    paths = [f"{uri}/{file.path}" for file in files]
    options = delta_storage_options(uri) or None
    return pl.scan_parquet(paths, glob=False, hive_partitioning=False, storage_options=options)


def _hash(records: pl.LazyFrame) -> str:
    """What tells sets of records apart, in whatever order."""
    return content_hash(records.select(*REFUSED_SCHEMA, "replays"))
