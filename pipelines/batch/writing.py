"""The files of a batch, of rows and of refused records: invisible until they are committed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from config.errors import PenstockError
from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.errors import NotConservedError
from pipelines.evolution import next_evolution
from pipelines.growth import Growth
from pipelines.modes import Keyed, arrival_of, check_mode
from pipelines.progress import Progress
from pipelines.query import Counters, counted, distinct, transformed
from pipelines.reading.batch_source import Reading
from pipelines.reading.table_source import with_source_columns
from pipelines.replayed import Replayed
from pipelines.unstorable import Unstorable
from pipelines.written_batch import ACCEPTED, Fate, PlannedBatch, WrittenBatch
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.streaming import streamed
from storage.tables.quarantine.commit import QuarantineWriter
from transforms.errors import StepError

_CONFORMED = "conformed"
"""The point before duplicates by key go."""


def write_batch(
    pipeline: Pipeline, planned: PlannedBatch, settings: Settings, progress: Progress | None = None
) -> WrittenBatch:
    """Decodes, conforms, transforms and writes; memory is bounded by the settings, whatever the batch.

    Where the pipeline adds columns, and the batch has new ones, the table gets them, in a commit of its own,
    and the batch is written again with them.

    Raises:
        NotConservedError: The counts do not add up.
        TableSchemaError: The table cannot become what the rows of this pipeline ask for.
        TransformError: A step fails, or a record or row does although the pipeline says that none may.
        StorageError: Reading or writing failed.
    """
    with planned.spent.on("write"):
        if planned.is_rebuild:
            from pipelines.backfill.rebuilt_files import write_rebuild  # few batches rebuild a table

            return write_rebuild(pipeline, planned, settings, progress)
        growth = prepared(pipeline, planned)
        written = write_once(growth, planned, settings, progress)
        while written is None:
            written = write_once(growth, planned, settings)
        return written


def prepared(pipeline: Pipeline, planned: PlannedBatch) -> Growth:
    """The contract that a batch is written under, held against its table; errors as of `write_batch`."""
    growth = Growth(with_source_columns(pipeline, planned.files), planned.table)
    next_evolution(growth.pipeline, planned.table)
    check_mode(growth.pipeline, planned.table)
    return growth


def write_once(
    growth: Growth,
    planned: PlannedBatch,
    settings: Settings,
    progress: Progress | None = None,
    *,
    first_row: int = 0,
) -> WrittenBatch | None:
    """One pass over the batch; None, and no files, where columns were added and another must follow.

    Args:
        first_row: The number of the first row in the order of arrival, by which merges settle ties.
    """
    pipeline = growth.pipeline
    reading = Reading(pipeline, planned.number, planned.files, settings)
    tally, counters, kept = reading.tally(), Counters(), np.zeros(planned.files.height, np.int64)
    quarantine = QuarantineWriter(pipeline.table.uri, pipeline.name, planned.number)
    replayed = Replayed(quarantine, planned.files)
    with (
        quarantine,
        _table_writer(pipeline, planned, settings, unstorable := Unstorable(quarantine)) as writer,
        reading.conformed(
            tally,
            replayed.refuse if planned.is_replay else quarantine.add,
            progress,
            replayed.take_in,
            growth.watch,
            growth.note,
        ) as source,
    ):
        rows = _query(source.scan(), pipeline, counters, kept)
        _write(Keyed(pipeline, unstorable, first_row), rows, writer, progress)
        source.drain()
        if growth.grow():
            return None
        files, refused = writer.finish(), quarantine.finish()
    _count_unasked(pipeline, reading, source.given, counters, kept)
    if pipeline.table.distinct_by:
        tally.set_distinct(kept)
    written = WrittenBatch(
        planned,
        tuple(files),
        tuple(refused),
        rows.collect_schema(),
        tally.counts(),
        growth.marks,
        counters.rows,
        unstorable.rows,
        replayed if planned.is_replay else None,
        dict(quarantine.reasons + replayed.still_refused),
        pipeline.source.read_as(),
        Fate(settings.memory_bytes),
    )
    check_conserved(written)
    return written


def _table_writer(
    pipeline: Pipeline, planned: PlannedBatch, settings: Settings, unstorable: Unstorable
) -> TableWriter:
    return TableWriter(
        pipeline.table.uri,
        partition_by=pipeline.table.partition_by,
        layout=FileLayout.of(pipeline.table),
        buffer_bytes=settings.sort_buffer_bytes,
        prefix=f"batch-{planned.number}",
        refused=unstorable.take,
        aside=arrival_of(pipeline),
    )


def _query(
    rows: pl.LazyFrame, pipeline: Pipeline, counters: Counters, kept: NDArray[np.int64]
) -> pl.LazyFrame:
    """Conformed rows in, rows of the table out; `kept` counts the distinct ones of each file."""
    if key := pipeline.table.distinct_by:
        rows = distinct(counted(rows, counters, _CONFORMED), key, kept)
    return transformed(counted(rows, counters, ACCEPTED), pipeline, counters)


def _write(keyed: Keyed, rows: pl.LazyFrame, writer: TableWriter, progress: Progress | None) -> None:
    """Draws the query and writes what it gives."""
    for frame in _drawn(rows):
        if progress:
            progress.transformed(frame.height)
        writer.write(keyed.frame(frame))


def _drawn(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The frames of the query; what a function of the pipeline's own raises on rows is told as a step's."""
    what = "the transforms failed on the rows of this batch"
    try:
        yield from streamed(rows)
    except PenstockError:
        raise
    except PolarsError as error:
        raise StepError(what, got=str(error)) from error
    except (Exception, SystemExit) as error:
        raise StepError(what, got=f"{type(error).__name__}: {error}") from error


def _count_unasked(
    pipeline: Pipeline, reading: Reading, given: int, counters: Counters, kept: NDArray[np.int64]
) -> None:
    """Rows that the steps did not ask for, as behind a `limit`, went into the steps like all others.

    Which of them are duplicates nobody has counted then, so that the batch is read again.
    """
    asked = counters.rows.pop(_CONFORMED, counters.rows[ACCEPTED])
    if not pipeline.transforms:
        return
    if pipeline.table.distinct_by and (asked < given or reading.may_stop_early()):
        kept[:] = reading.distinct_by_file()
        counters.rows[ACCEPTED] = int(kept.sum())
    elif asked < given:
        counters.rows[ACCEPTED] = given


def check_conserved(written: WrittenBatch) -> None:
    """Every record that was read is somewhere, and every row that came out is in a file.

    Raises:
        NotConservedError: Else.
    """
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
