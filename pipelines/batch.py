"""One batch as three plain functions: plan, write, commit.

    plan_batch    which files: from the ledger where an earlier attempt died, else from the landing zone
    write_batch   files of rows and of refused records, not visible yet
    commit_batch  the quarantine, then the data, each once

Each may be called again after a failure: nothing is visible before its commit, and a commit happens once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.errors import NotConservedError
from pipelines.intake import Columns, Intake
from pipelines.progress import Progress
from pipelines.query import Counters, RowSource, counted, distinct, transformed
from pipelines.tally import FileCounts, Tally
from storage.blocks import read_blocks
from storage.data_file import DataFile
from storage.delta import commit_batch as commit_files
from storage.delta import last_batch, open_table, remove_unused
from storage.errors import ConcurrentRunError
from storage.landing import list_landing
from storage.layout import TableWriter, storable
from storage.ledger import plan
from storage.quarantine import QuarantineWriter, commit_quarantine
from transforms.conform import Conformer
from transforms.errors import StepError

ACCEPTED = "accepted"
"""The point of the query before the first transform."""


@dataclass(frozen=True)
class PlannedBatch:
    """The files of a batch; they are in the ledger and will not be planned again.

    files: in order; columns path, identity, size (bytes).
    table: the data table as it was when the number was decided, None where there is none yet.
    """

    number: int
    files: pl.DataFrame
    table: Any


@dataclass(frozen=True)
class WrittenBatch:
    """What a batch wrote, and the counts that prove it complete."""

    planned: PlannedBatch
    files: tuple[DataFile, ...]
    refused: tuple[DataFile, ...]
    schema: pl.Schema
    counts: FileCounts
    steps: Mapping[str, int]  # rows behind each step, `accepted` first
    unstorable: int  # rows of the last step that no Delta partition can hold

    def row_count(self) -> int:
        """Rows that the commit makes visible."""
        return sum(file.rows for file in self.files)

    def as_metadata(self) -> dict[str, Any]:
        """The counts as JSON values, for the commits."""
        return {
            "files": self.counts.as_metadata(),
            "steps": dict(self.steps),
            "unstorable": self.unstorable,
            "rows": self.row_count(),
            "bytes_read": int(self.planned.files["size"].sum()),
        }


def plan_batch(pipeline: Pipeline) -> PlannedBatch | None:
    """The next batch, planned in the ledger; None where nothing waits."""
    table = open_table(pipeline.table.uri)
    number = last_batch(table, pipeline.name) + 1
    source = pipeline.source
    files = plan(
        pipeline.table.uri,
        pipeline.name,
        number,
        landed=lambda: list_landing(source.uri),
        max_files=source.max_files_per_batch,
        max_bytes=source.max_bytes_per_batch,
    )
    return None if files is None else PlannedBatch(number, files, table)


def write_batch(
    pipeline: Pipeline, planned: PlannedBatch, settings: Settings, progress: Progress | None = None
) -> WrittenBatch:
    """Decodes, conforms, transforms and writes; memory is bounded by the settings, whatever the batch.

    Raises:
        NotConservedError: The counts do not add up.
        TransformError: A step fails, or a record or row does although the pipeline says that none may.
        StorageError: Reading or writing failed.
    """
    columns = Columns(lineage=pipeline.lineage, file_number=bool(pipeline.table.key))
    conformer = Conformer(pipeline, max_nesting=settings.max_nesting, positions=columns.positions)
    paths = planned.files["path"].to_list()  # row objects allowed: one path a file
    tally = Tally(len(paths), [rule.name for rule in conformer.rules])
    uri, layout = pipeline.table.uri, pipeline.table
    with (
        QuarantineWriter(uri, pipeline.name, planned.number) as quarantine,
        TableWriter(
            uri,
            partition_by=layout.partition_by,
            sort_by=layout.sort_by,
            buffer_bytes=settings.sort_buffer_bytes,
            prefix=f"batch-{planned.number}",
        ) as writer,
        closing(
            read_blocks(
                paths,
                planned.files["size"].to_list(),  # row objects allowed: one size a file
                identities=planned.files["identity"].to_list(),  # row objects allowed: one text a file
                compression=pipeline.source.compression,
                block_bytes=settings.block_bytes,
                max_record_bytes=settings.max_record_bytes,
            )
        ) as blocks,
    ):
        intake = Intake(conformer, paths, columns, tally, quarantine.add, settings.threads)
        source = RowSource(intake.frames(progress.watch(blocks) if progress else blocks), intake.schema)
        counters, kept = Counters(), np.zeros(len(paths), np.int64)
        rows = source.scan()
        if layout.key:
            rows = distinct(counted(rows, counters, "conformed"), layout.key, kept)
        rows = transformed(counted(rows, counters, ACCEPTED), pipeline, counters)
        schema = rows.collect_schema()
        unstorable = _write(rows, writer, quarantine, layout.partition_by)
        counters.rows[ACCEPTED] += source.drain()
        files, refused = writer.finish(), quarantine.finish()
    if layout.key:
        tally.set_distinct(kept)
    counters.rows.pop("conformed", None)
    written = WrittenBatch(
        planned, tuple(files), tuple(refused), schema, tally.counts(), counters.rows, unstorable
    )
    _check_conserved(written)
    return written


def commit_batch(pipeline: Pipeline, written: WrittenBatch) -> int:
    """Makes the batch visible, once; the table version that holds it.

    Raises:
        ConcurrentRunError: Another run of the pipeline committed this batch.
        StorageError: The table cannot take it.
    """
    number, metadata = written.planned.number, written.as_metadata()
    commit_quarantine(pipeline.table.uri, pipeline.name, number, written.refused, metadata)
    try:
        commit = commit_files(
            pipeline.table.uri,
            written.planned.table,
            app_id=pipeline.name,
            batch=number,
            files=written.files,
            schema=written.schema,
            partition_by=pipeline.table.partition_by,
            metadata=metadata,
        )
    except ConcurrentRunError:
        remove_unused(pipeline.table.uri, written.files)
        raise
    return commit.version


def _write(
    rows: pl.LazyFrame,
    writer: TableWriter,
    quarantine: QuarantineWriter,
    partition_by: tuple[str, ...],
) -> int:
    """Draws the query and writes what it gives; returns the rows that went to the quarantine instead."""
    unstorable = 0
    try:
        for frame in rows.collect_batches(maintain_order=True, engine="streaming"):
            good, bad = storable(frame, partition_by)
            writer.write(good)
            if bad.height:
                quarantine.add(_copies(bad))
                unstorable += bad.height
    except PolarsError as error:
        raise StepError("the transforms failed on the rows of this batch", got=str(error)) from error
    return unstorable


def _copies(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows as JSON for the quarantine: what transforms made has no record, file or line of its own."""
    text = rows.select(pl.struct(pl.all()).struct.json_encode().cast(pl.Binary).alias("raw"))
    return text.select(
        path=pl.lit(None, pl.String),
        record=pl.lit(None, pl.Int64),
        offset=pl.lit(None, pl.Int64),
        length=pl.col("raw").bin.size("b").cast(pl.Int64),
        reason=pl.lit("unstorable_partition_value"),
        column=pl.lit(None, pl.String),
        raw="raw",
    )


def _check_conserved(written: WrittenBatch) -> None:
    """Every record that was read is somewhere, and every row that came out is in a file."""
    accepted, into_steps = written.counts.accepted(), written.steps[ACCEPTED]
    last = list(written.steps.values())[-1]
    if accepted != into_steps or last != written.row_count() + written.unstorable:
        raise NotConservedError(
            "the counts of the batch do not add up; it is not committed",
            where=f"batch {written.planned.number}",
            got=f"{into_steps} rows into the transforms, {written.row_count()} written of {last}",
            expected=f"{accepted} rows into the transforms, all that come out written",
            next_step="this is a defect of Penstock or of Polars: please report it with the pipeline file",
        )
