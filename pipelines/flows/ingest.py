"""The flow `ingest`: takes in what has landed.

Its tasks are the plain functions of `pipelines/batch`: plan, write, commit, one of each a batch. They
run in this process. Nothing is persisted and nothing pickled: what survives a run is in the Delta tables, and
an interrupted batch is taken up from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prefect import State

from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.batch.planning import plan_batch
from pipelines.batch.writing import write_batch
from pipelines.flows.ending import as_flow, done, handed_over
from pipelines.flows.parameters import MaxBatches, PipelineName
from pipelines.flows.run_name import name_run
from pipelines.flows.watched import watched
from pipelines.run import BatchSummary, Write, take
from storage.errors import ConcurrentRunError, NothingLandedError

_NOTHING_YET: Final = (
    "nothing has landed yet: an object store cannot tell an empty folder from a mistyped one"
)


@as_flow
def ingest(pipeline: PipelineName, max_batches: MaxBatches | None = None) -> State[int]:
    """Takes in what has landed, batch by batch, until nothing waits.

    Every landed file goes into the table exactly once. A run that fails, is cancelled or loses its worker
    leaves the batches that it committed; the next run takes up the one that it did not.

    Args:
        pipeline: The name of a file in the pipelines folder, without its suffix.
        max_batches: Stop after so many batches, although more may wait; none for no such limit.
    """
    settings = Settings.from_environment()
    spec = load_pipeline(pipeline, settings)
    committed: list[BatchSummary] = []
    try:
        with watched(spec) as watch, _writer(spec, settings) as write:
            while len(committed) != max_batches:
                planned = watch.step("plan", spec.name, lambda: plan_batch(spec))
                if planned is None:
                    break
                name_run(_name(spec, [*(one.batch for one in committed), planned.number]))
                committed.append(take(spec, planned, settings, watch.progress, watch.step, write)[1])
                watch.committed(committed[-1])
    except ConcurrentRunError as error:
        return handed_over(error, _said(committed), len(committed))
    except NothingLandedError:
        return done(_NOTHING_YET, 0)
    return done(_said(committed) if committed else "nothing waits", len(committed))


@contextmanager
def _writer(pipeline: Pipeline, settings: Settings) -> Iterator[Write]:
    """What writes the files of a batch: the choice of `engine`."""
    if (pipeline.engine or settings.engine) == "local":
        yield write_batch
        return
    from pipelines.flows.dask_groups import on_dask  # few pipelines need it, and it takes a second

    with on_dask(settings) as write:
        yield write


def _name(pipeline: Pipeline, batches: list[int]) -> str:
    which = f"batch {batches[0]}" if len(batches) == 1 else f"batches {batches[0]} to {batches[-1]}"
    return f"ingest {pipeline.name} {which}"


def _said(committed: list[BatchSummary]) -> str:
    rows, refused = sum(one.rows_written for one in committed), sum(one.rows_quarantined for one in committed)
    batches = "1 batch" if len(committed) == 1 else f"{len(committed)} batches"
    return f"{batches}: {rows:,} rows written, {refused:,} records quarantined"
