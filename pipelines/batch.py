"""One batch as three plain functions: plan, write, commit.

    plan_batch    which files: from the ledger where an earlier attempt died, else from the landing zone
    write_batch   files of rows and of refused records, not visible yet
    commit_batch  the quarantine, then the data, each once

Each may be called again after a failure: nothing is visible before its commit, and a commit happens once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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
from pipelines.modes import Keyed, arrival_of, check_mode, commit_merged_rows, forget_order
from pipelines.progress import Progress
from pipelines.query import Counters, counted, distinct, transformed
from pipelines.reading.batch_source import Reading
from pipelines.reading.table_source import next_pieces, with_source_columns
from pipelines.replayed import Replayed
from pipelines.spent import Spent
from pipelines.unstorable import Unstorable
from pipelines.written_batch import ACCEPTED, Fate, PlannedBatch, WrittenBatch
from storage.errors import ConcurrentRunError, IrreversibleError, TableSchemaError
from storage.landing.listing import list_landing
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch as commit_files
from storage.tables.commits import take_over
from storage.tables.delta import last_batch, open_table, remove_unused
from storage.tables.ledger.planning import plan, plan_replay, plan_versions
from storage.tables.quarantine.commit import QuarantineCommit, QuarantineWriter
from transforms.errors import StepError

_CONFORMED = "conformed"
"""The point before duplicates by key go."""


def plan_batch(pipeline: Pipeline) -> PlannedBatch | None:
    """The next batch, planned in the ledger; None where nothing waits."""
    with (spent := Spent()).on("plan"):
        table = open_table(pipeline.table.uri)
        number = last_batch(table, pipeline.name) + 1
        files = _next_files(pipeline, number)
    return None if files is None else PlannedBatch(number, files, table, spent)


def _next_files(pipeline: Pipeline, number: int) -> pl.DataFrame | None:
    uri, name, source = pipeline.table.uri, pipeline.name, pipeline.source
    if source.table is not None:
        return plan_versions(uri, name, number, waiting=lambda taken: next_pieces(source, taken))
    return plan(
        uri,
        name,
        number,
        landed=lambda: list_landing(source.location),
        max_files=source.max_files_per_batch,
        max_bytes=source.max_bytes_per_batch,
    )


def plan_replay_batch(pipeline: Pipeline, open_files: Callable[[], pl.DataFrame]) -> PlannedBatch | None:
    """The next batch, of records out of the quarantine; None where none of them can be replayed.

    Where an earlier attempt at a batch died, that one, whatever it takes in.

    Args:
        pipeline: Which one.
        open_files: See `storage.tables.ledger.planning.plan_replay`.
    """
    with (spent := Spent()).on("plan"):
        table = open_table(pipeline.table.uri)
        number = last_batch(table, pipeline.name) + 1
        files = plan_replay(
            pipeline.table.uri,
            pipeline.name,
            number,
            open_files=open_files,
            max_files=pipeline.source.max_files_per_batch,
            max_bytes=pipeline.source.max_bytes_per_batch,
        )
    return None if files is None else PlannedBatch(number, files, table, spent)


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
        _write(Keyed(pipeline, unstorable, first_row), rows, writer)
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


def commit_batch(pipeline: Pipeline, written: WrittenBatch) -> int:
    """Makes the batch visible, once; the table version that holds it.

    Raises:
        ConcurrentRunError: Another run of the pipeline committed this batch.
        TableSchemaError: Others made or changed the table meanwhile, so that it cannot take the rows.
        IrreversibleError: Of a rebuild, see `pipelines.backfill`.
        StorageError: The table cannot take it.
    """
    try:
        with written.planned.spent.on("commit"):
            if written.planned.is_rebuild:
                from pipelines.backfill.rebuilt_commit import commit_rebuilt  # as above

                return commit_rebuilt(pipeline, written)
            return commit_rows(pipeline, written, commit_refused(pipeline, written))
    except (ConcurrentRunError, IrreversibleError, TableSchemaError):
        remove_unused(pipeline.table.uri, written.files)
        forget_order(pipeline, written)
        raise


def commit_refused(pipeline: Pipeline, written: WrittenBatch) -> Any:
    """Makes the refused records visible, and gives the data table to commit the rows to; errors as above."""
    uri, number, table = pipeline.table.uri, written.planned.number, written.planned.table
    refused = QuarantineCommit(uri, pipeline.name, number, written.refused, attempt=written.attempt)
    if refused.replaces:
        try:
            table = take_over(
                uri,
                table,
                app_id=pipeline.name,
                batch=number,
                attempt=written.attempt,
                schema=written.schema,
                partition_by=pipeline.table.partition_by,
                marks=written.marks,
            )
        except ConcurrentRunError:
            refused.give_up()
            raise
    refused.commit(written.as_metadata())
    return table


def commit_rows(pipeline: Pipeline, written: WrittenBatch, table: Any) -> int:
    """Makes the rows visible, on the table that `commit_refused` gave; errors as above."""
    if pipeline.table.mode != "append":
        return commit_merged_rows(pipeline, written, table)
    commit = commit_files(
        pipeline.table.uri,
        table,
        app_id=pipeline.name,
        batch=written.planned.number,
        files=written.files,
        schema=written.schema,
        partition_by=pipeline.table.partition_by,
        metadata=written.as_metadata(),
        marks=written.marks,
        attempt=written.attempt,
    )
    return commit.version


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


def _write(keyed: Keyed, rows: pl.LazyFrame, writer: TableWriter) -> None:
    """Draws the query and writes what it gives."""
    for frame in _drawn(rows):
        writer.write(keyed.frame(frame))


def _drawn(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The frames of the query; what a function of the pipeline's own raises on rows is told as a step's."""
    what = "the transforms failed on the rows of this batch"
    try:
        yield from rows.collect_batches(maintain_order=True, engine="streaming")
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
