"""The Prefect flow around a batch, for schedules, retries and history; entrypoint `pipelines.flows:ingest`.

Its tasks are the plain functions of `pipelines/batch`: plan, write, commit, one of each a batch. They
run in this process and hand on names, batch numbers and file lists, never rows. Nothing is persisted and
nothing pickled: what survives a run is in the Delta tables, and an interrupted batch is taken up from there.

Flow parameters can be read by everyone who can reach the Prefect API. They are names and numbers only;
credentials come from the environment of the worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import State, Task, flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from config.names import check_pipeline_name
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.batch import commit_batch, plan_batch, write_batch
from pipelines.reports.batch_report import batch_report
from pipelines.run import BatchSummary, summary, undo_summary
from pipelines.undo import UndoSummary, finish
from pipelines.written_batch import PlannedBatch, WrittenBatch

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_S = (2, 8, 32)


def is_retryable(_task: object, _task_run: object, state: State[Any]) -> bool:
    """Whether the error that a task failed with says that the same call may succeed later."""
    return getattr(state.data, "retryable", False) is True


def coarse_task(run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Makes a function a task whose runs bear `run_name`, a template over its arguments."""

    def wrap(function: Callable[P, R]) -> Task[P, R]:
        return Task(
            function,
            task_run_name=run_name,
            retries=len(RETRY_DELAYS_S),
            retry_delay_seconds=list(RETRY_DELAYS_S),
            retry_jitter_factor=0.5,
            retry_condition_fn=is_retryable,
            cache_policy=NO_CACHE,
            persist_result=False,
        )

    return wrap


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
        _name_run(f"{spec.name} batch {planned.number}")
        _publish(spec, _take(spec, planned, settings))
        committed += 1
    return committed


def _take(pipeline: Pipeline, planned: PlannedBatch, settings: Settings) -> BatchSummary:
    begin = time.perf_counter()
    if planned.undoes is not None:
        return undo_summary(undo(pipeline, planned), time.perf_counter() - begin)
    written = write(pipeline, planned, settings)
    version = commit(pipeline, written)
    return summary(written, version, time.perf_counter() - begin)


def _name_run(name: str) -> None:
    """Renames the flow run, which only now knows its batch."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, name=name)


def _publish(pipeline: Pipeline, batch: BatchSummary) -> None:
    """Keeps the summary as an artifact; those of one pipeline have one key, which makes them a history."""
    create_markdown_artifact(
        batch_report(pipeline, batch),
        key="ingest-" + pipeline.name.lower().replace("_", "-"),
        description=f"{pipeline.name} batch {batch.batch}",
    )
    get_run_logger().info("batch %d: %d rows written", batch.batch, batch.rows_written)
