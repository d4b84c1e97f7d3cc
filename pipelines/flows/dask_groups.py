"""`engine: dask`: the groups of a batch as task runs on a Dask cluster.

What goes there is a `Job` as text, what comes back a `Part`, likewise: names, numbers, lists of files.
Workers have credentials, memory and threads of their own environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Lock
from typing import Any, Final

from distributed import as_completed
from prefect import Task
from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.batch.writing import write_batch
from pipelines.flows.dask_cluster import connected, failures_told, task_runner
from pipelines.flows.tasks import how_tried
from pipelines.groups.job import Job
from pipelines.groups.part import Part
from pipelines.groups.reach import is_grouped
from pipelines.groups.split import split
from pipelines.groups.write import Grouped, write_group
from pipelines.progress import Progress
from pipelines.run import Write
from pipelines.written_batch import PlannedBatch, WrittenBatch

_GROUPS_OF_A_WORKER: Final = 2
"""So that one that is faster gets more, and a lost group is not half of the work."""

_one_at_a_time = Lock()
"""Of this process: each group takes the whole memory budget, and workers may have several threads."""


@contextmanager
def on_dask(settings: Settings) -> Iterator[Write]:
    """Writes batches by the workers of a cluster, for as long as the block lasts; for use inside a flow run.

    Raises:
        ClusterError: By the writing: the cluster cannot be reached, or lost a group again and again.
    """
    with task_runner(settings) as runner:
        yield _Workers(runner).write


class _Workers:
    """Those of a cluster.

    Tasks are submitted in the context of the flow run. Within the step that writes, Prefect would send the
    step along with each, and all that it works on.
    """

    def __init__(self, runner: DaskTaskRunner) -> None:
        self._runner = runner
        self._flow_run = copy_context()

    def write(
        self, pipeline: Pipeline, planned: PlannedBatch, settings: Settings, progress: Progress | None
    ) -> WrittenBatch:
        """As `write_batch`, which writes what cannot be cut, or is too small for that."""
        written = None
        if len(split(planned.files, 2)) > 1 and is_grouped(pipeline, planned):
            with planned.spent.on("write"):
                written = self._in_groups(pipeline, planned, settings, progress)
        return written or write_batch(pipeline, planned, settings, progress)

    def _in_groups(
        self, pipeline: Pipeline, planned: PlannedBatch, settings: Settings, progress: Progress | None
    ) -> WrittenBatch | None:
        workers = connected(self._runner, settings)
        grouped = Grouped(pipeline, planned, settings, most=_GROUPS_OF_A_WORKER * workers)
        return grouped.joined(self._parts(f"{pipeline.name} batch {planned.number}", grouped, progress))

    def _parts(self, batch: str, grouped: Grouped, progress: Progress | None) -> list[Part]:
        """Of all jobs, in their order.

        Where one fails, those that wait are called off, and the files of those that are done are removed.
        Those that are under way leave files that are in no table.
        """
        futures = {self._submit(batch, job, len(grouped.jobs)): job for job in grouped.jobs}
        dask = {future.wrapped_future: future for future in futures}
        parts: dict[int, Part] = {}
        try:
            for done in _as_they_end(list(dask), self._runner):
                job = futures[dask[done]]
                with failures_told(f"{batch}, group {job.group + 1}"):
                    parts[job.group] = Part.from_json(dask[done].result())
                if progress:
                    progress.read(int(job.files["file"][-1]), int(job.files["size"].sum()))
        except BaseException:
            self._runner.client.cancel(list(dask))  # type: ignore[no-untyped-call]
            grouped.forget(parts.values())
            raise
        return [parts[job.group] for job in grouped.jobs]

    def _submit(self, batch: str, job: Job, groups: int) -> PrefectDaskFuture[str]:
        task = _task(f"{batch}, group {job.group + 1} of {groups}")
        return self._flow_run.run(self._runner.submit, task, {"job": job.as_json()})


def _as_they_end(futures: list[Any], runner: DaskTaskRunner) -> Iterator[Any]:
    ended: Iterator[Any] = as_completed(futures, loop=runner.client.loop)  # type: ignore[no-untyped-call]
    return ended


def _task(group: str) -> Task[Any, str]:
    return Task(
        _written,
        name="write group",
        task_run_name=f"write {group}",
        **how_tried(),
    )


def _written(job: str) -> str:
    """Runs in a worker."""
    with _one_at_a_time:
        return write_group(Job.from_json(job), Settings.from_environment()).as_json()
