"""The flow `ingest`: takes in what has landed.

Its tasks are the plain functions of `pipelines/batch`: plan, write, commit, one of each a batch. They
run in this process and hand on names, batch numbers and file lists, never rows. Nothing is persisted and
nothing pickled: what survives a run is in the Delta tables, and an interrupted batch is taken up from there.
"""

from __future__ import annotations

import time

from prefect import flow

from config.names import check_pipeline_name
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.batch import commit_batch, plan_batch, write_batch
from pipelines.flows.published import publish_batch
from pipelines.flows.run_name import name_run
from pipelines.flows.tasks import coarse_task
from pipelines.run import BatchSummary, summary, undo_summary
from pipelines.undo import UndoSummary, finish
from pipelines.written_batch import PlannedBatch, WrittenBatch


@coarse_task("plan {pipeline.name}")
def plan(pipeline: Pipeline) -> PlannedBatch | None:
    """The next batch, written down in the ledger; None where nothing waits."""
    return plan_batch(pipeline)


@coarse_task("write {pipeline.name} batch {planned.number}")
def write(pipeline: Pipeline, planned: PlannedBatch, settings: Settings) -> WrittenBatch:
    """The batch's files, written but not visible yet."""
    return write_batch(pipeline, planned, settings)


@coarse_task("commit {pipeline.name} batch {written.planned.number}")
def commit(pipeline: Pipeline, written: WrittenBatch) -> int:
    """The version of the table that holds the batch; it is committed once, however often this is tried."""
    return commit_batch(pipeline, written)


@coarse_task("undo {pipeline.name} batch {planned.undoes}")
def undo(pipeline: Pipeline, planned: PlannedBatch) -> UndoSummary:
    """Finishes an undo that was cut off; it happens once, however often this is tried."""
    return finish(pipeline, planned)


@flow(name="ingest", flow_run_name="{pipeline}", persist_result=False, result_serializer="json")
def ingest(pipeline: str, max_batches: int | None = None) -> int:
    """Takes in what has landed, batch by batch, until nothing waits.

    Args:
        pipeline: The name of a file in the pipelines folder (`PENSTOCK_PIPELINES`), without its suffix.
        max_batches: Stop after so many, although more may wait; None for no such limit.

    Returns:
        How many batches were committed.
    """
    settings = Settings.from_environment()
    spec = load_pipeline(check_pipeline_name(pipeline), settings)
    committed = 0
    while committed != max_batches and (planned := plan(spec)) is not None:
        name_run(f"{spec.name} batch {planned.number}")
        publish_batch(spec, _take(spec, planned, settings))
        committed += 1
    return committed


def _take(pipeline: Pipeline, planned: PlannedBatch, settings: Settings) -> BatchSummary:
    begin = time.perf_counter()
    if planned.undoes is not None:
        return undo_summary(undo(pipeline, planned), time.perf_counter() - begin)
    written = write(pipeline, planned, settings)
    version = commit(pipeline, written)
    return summary(written, version, time.perf_counter() - begin)
