"""Takes the batches that hold some landed files in again: undoes them, newest first, and runs."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import polars as pl

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.backfill.landed import check_landed, standing
from pipelines.backfill.rebuild import left_over
from pipelines.backfill.request import BackfillRequest, BackfillSummary
from pipelines.batch.planning import plan_batch
from pipelines.errors import BackfillError, UndoError
from pipelines.progress import Progress
from pipelines.run import BatchSummary, take, undo_summary
from pipelines.step import Step, at_once
from pipelines.undo import check_undo, undo
from storage.errors import IrreversibleError
from storage.landing.named import named
from storage.tables.delta import last_batch, open_table


def take_in_again(
    pipeline: Pipeline,
    request: BackfillRequest,
    settings: Settings,
    progress: Progress | None = None,
    step: Step = at_once,
) -> BackfillSummary:
    """Undoes the batches with files of the range, newest first, and runs until caught up.

    Atomic by batch and safe to repeat. Where a batch cannot be undone, those that were are taken in again
    before that is told; so they are by the next run, where this one is killed.

    Raises:
        BackfillError: No file that was taken in is in the range, or some of those batches are gone.
        UndoError: A batch that there is no undo for, or not before another; says what to do.
        IrreversibleError: The same, because of what the table is by now.
        ConcurrentRunError: Another run of the same pipeline goes on.
        PenstockError: Reading or writing failed.
    """
    done: list[BatchSummary] = []
    if not request.dry_run and (left := left_over(pipeline)) is not None:
        done.append(take(pipeline, left, settings, progress, step)[1])
    table = open_table(pipeline.table.uri)
    files, _ = standing(pipeline, last_batch(table, pipeline.name) + 1)
    some = _in_range(pipeline, request, files)
    again = some["batch"].unique().sort(descending=True).to_list()  # row objects allowed: one a batch
    whole = files.filter(pl.col("batch").is_in(again))
    check_landed(pipeline, whole)
    check_undo(pipeline, again[0])
    if not request.dry_run:
        try:
            done += (_undone(pipeline, batch, settings, step) for batch in again)
        except (UndoError, IrreversibleError):  # an older one of them: what was undone must not stay away
            _run(pipeline, settings, progress, step)
            raise
        done += _run(pipeline, settings, progress, step)
    return BackfillSummary(
        pipeline=pipeline.name,
        rebuild=False,
        dry_run=request.dry_run,
        files=whole.height,
        bytes=int(whole["size"].sum()),
        again=tuple(again),
        batches=tuple(done),
        rows_removed=sum(one.rows_removed for one in done),
    )


def _in_range(pipeline: Pipeline, request: BackfillRequest, files: pl.DataFrame) -> pl.DataFrame:
    if request.files is not None:
        files = files.filter(
            pl.Series(named(pipeline.source.location, request.files, files["path"]), dtype=pl.Boolean)
        )
    if request.since is not None:
        files = files.filter(pl.col("modified") >= pl.lit(_utc(request.since)))
    if request.until is not None:
        files = files.filter(pl.col("modified") < pl.lit(_utc(request.until)))
    if files.is_empty():
        raise BackfillError(
            "no file of the range is in the table",
            where=f"pipeline {pipeline.name}",
            got=request.range_as_text(),
            expected="files that were taken in and not undone",
            next_step="see penstock status PIPELINE for what waits, and run the pipeline to take that in",
        )
    return files


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _undone(pipeline: Pipeline, batch: int, settings: Settings, step: Step) -> BatchSummary:
    begin = time.perf_counter()
    done = step("undo", f"{pipeline.name} batch {batch}", lambda: undo(pipeline, batch, settings))
    return undo_summary(done, time.perf_counter() - begin)


def _run(pipeline: Pipeline, settings: Settings, progress: Progress | None, step: Step) -> list[BatchSummary]:
    done: list[BatchSummary] = []
    while (planned := step("plan", pipeline.name, lambda: plan_batch(pipeline))) is not None:
        done.append(take(pipeline, planned, settings, progress, step)[1])
    return done
