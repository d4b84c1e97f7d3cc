"""Rebuilds a table: everything that was taken in is taken in again, and swapped in by one commit.

A rebuild is a batch of its own, with the next number: planned in the ledger, written beside the files of the
table, marked in the quarantine, then committed in the place of all batches before it. Readers see the old
rows until then. One that was killed is finished by whoever comes next.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.backfill.landed import check_landed, standing
from pipelines.backfill.rebuilt_commit import give_up_rebuild
from pipelines.backfill.request import BackfillSummary
from pipelines.batch.planning import plan_replay_batch
from pipelines.errors import BackfillError
from pipelines.evolution import next_evolution, output_schema
from pipelines.modes import check_mode
from pipelines.progress import Progress
from pipelines.run import BatchSummary, take
from pipelines.step import Step, at_once
from pipelines.written_batch import PlannedBatch
from storage.errors import ConcurrentRunError
from storage.tables.delta import last_batch, open_table
from storage.tables.ledger.planned import OPEN_FILES_SCHEMA
from storage.tables.ledger.planning import plan_rebuild
from storage.tables.rebuilding.owners import OwnersOf
from storage.tables.rebuilding.replaced import replaced_by


def rebuild(
    pipeline: Pipeline,
    settings: Settings,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    step: Step = at_once,
) -> BackfillSummary:
    """Rebuilds the table; first finishes the batch that an earlier run has left, if there is one.

    Where that one is a rebuild, it is the one that was asked for. Atomic and safe to repeat.

    Raises:
        BackfillError: There is nothing to rebuild, or landed files are gone; nothing was changed.
        IrreversibleError: Rows of others would be lost, or what they did to these rows.
        ConcurrentRunError: Another run of the same pipeline goes on.
        PenstockError: Reading or writing failed; the table is as it was.
    """
    done: list[BatchSummary] = []
    left = left_over(pipeline)
    if left is not None and left.is_rebuild and not dry_run:
        return _finished(pipeline, left, settings, progress, step, done)
    if left is not None and not dry_run:
        done.append(take(pipeline, left, settings, progress, step)[1])
    table = open_table(pipeline.table.uri)
    number = last_batch(table, pipeline.name) + 1
    files, again = standing(pipeline, number)
    removed = _check(pipeline, table, files)
    if dry_run:
        return BackfillSummary(
            pipeline.name, True, True, files.height, int(files["size"].sum()), tuple(again), (), removed
        )
    planned = step("plan", pipeline.name, lambda: plan_rebuild(pipeline.table.uri, pipeline.name, number))
    if planned is None or not (batch := PlannedBatch(number, planned, table)).is_rebuild:
        raise _overtaken(pipeline, number)
    return _finished(pipeline, batch, settings, progress, step, done)


def left_over(pipeline: Pipeline) -> PlannedBatch | None:
    """The batch that an earlier run has planned and not committed, or that is under way now; if any."""
    return plan_replay_batch(pipeline, OPEN_FILES_SCHEMA.to_frame)


def give_up(pipeline: Pipeline) -> int | None:
    """Gives up the rebuild that is planned or under way: the table stays as it is, and other batches follow.

    Returns:
        Its number, which is free again; None where there is none.

    Raises:
        StaleReadError: It was committed meanwhile, or somebody else gives it up too.
        StorageError: Reading or writing failed.
    """
    planned = left_over(pipeline)
    if planned is None or not planned.is_rebuild:
        return None
    give_up_rebuild(pipeline, planned)
    return planned.number


def _finished(
    pipeline: Pipeline,
    planned: PlannedBatch,
    settings: Settings,
    progress: Progress | None,
    step: Step,
    done: list[BatchSummary],
) -> BackfillSummary:
    again = standing(pipeline, planned.number)[1]
    written, batch = take(pipeline, planned, settings, progress, step)
    removed = written.fate.rows_removed if written is not None else None
    size = int(planned.files["size"].sum())
    batches = (*done, batch)
    return BackfillSummary(
        pipeline.name, True, False, planned.files.height, size, tuple(again), batches, removed or 0
    )


def _check(pipeline: Pipeline, table: Any, files: pl.DataFrame) -> int:
    """What must hold before anything is written down; the rows that would give way."""
    where = f"pipeline {pipeline.name}"
    if files.is_empty():
        raise BackfillError(
            "there is nothing to rebuild: no batch has taken any file in",
            where=where,
            next_step="run the pipeline: penstock run PIPELINE",
        )
    check_landed(pipeline, files)
    check_mode(pipeline, None)
    output_schema(pipeline)
    appends = pipeline.table.mode == "append"
    replaced = replaced_by(OwnersOf(pipeline.table.uri), table, pipeline.name, keeps_others=appends)
    if replaced.others:
        next_evolution(pipeline, table)
    return replaced.rows


def _overtaken(pipeline: Pipeline, number: int) -> ConcurrentRunError:
    return ConcurrentRunError(
        f"another process is at batch {number}",
        where=f"{pipeline.table.uri}, pipeline {pipeline.name!r}",
        expected="one run of a pipeline at a time",
        next_step="nothing is lost; run again once the other run has ended",
    )
