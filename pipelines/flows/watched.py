"""Runs of a pipeline as people watch them: tasks, assets, progress, logs and events around the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from prefect import Task, get_run_logger
from prefect.tasks import MaterializingTask

from config.pipeline import Pipeline
from pipelines.flows.assets import note, source_asset, table_asset
from pipelines.flows.events import emit, failed_expectation, lag_event
from pipelines.flows.progress import ShownProgress, shown_progress
from pipelines.flows.published import publish_batch
from pipelines.flows.tasks import as_task
from pipelines.reports.plain_text import counted, size
from pipelines.run import BatchSummary
from pipelines.written_batch import PlannedBatch, WrittenBatch
from transforms.errors import ExpectationFailedError

R = TypeVar("R")

_COMMITS: Final = ("commit", "undo")


class Watched:
    """The batches of one flow run.

    Attributes:
        progress: Is told how far a batch is.
    """

    def __init__(self, pipeline: Pipeline, progress: ShownProgress) -> None:
        self.progress = progress
        self._pipeline = pipeline
        self._table = table_asset(pipeline)
        self._source = source_asset(pipeline)
        self._planned: PlannedBatch | None = None
        self._written: WrittenBatch | None = None
        self._lagged = False

    def step(self, what: str, of: str, do: Callable[[], R]) -> R:
        """A `pipelines.step.Step`: a task run; a commit makes the table anew, out of its source."""
        if what in _COMMITS:
            committed: R = as_task(what, of, lambda: self._committing(do), self._materializing)
            return committed
        try:
            result = as_task(what, of, do)
        except ExpectationFailedError:
            if self._planned is not None:
                emit(self._pipeline, failed_expectation(self._planned.number))
            raise
        self._watch(result)
        return result

    def committed(self, batch: BatchSummary) -> None:
        """Tells of it; never fails."""
        publish_batch(self._pipeline, batch)

    def _watch(self, result: object) -> None:
        if isinstance(result, PlannedBatch):
            self._begin(result)
        elif isinstance(result, WrittenBatch):
            self._written = result

    def _begin(self, planned: PlannedBatch) -> None:
        self._planned, self._written = planned, None
        get_run_logger().info(_plan(planned))
        if not self._lagged and (event := lag_event(self._pipeline, planned)):
            self._lagged = True
            get_run_logger().warning("a file has waited for %.0f s", event.payload["lag_seconds"])
            emit(self._pipeline, event)

    def _materializing(self, commit: Callable[[], R], **options: Any) -> Task[[], R]:
        return MaterializingTask(
            commit, assets=[self._table], asset_deps=[self._source], materialized_by="penstock", **options
        )

    def _committing(self, do: Callable[[], R]) -> R:
        result = do()
        note(self._table, self._numbers(result))
        return result

    def _numbers(self, result: object) -> dict[str, int]:
        """Of a commit, which gives the version, or of an undo, which gives a summary with it."""
        version = getattr(result, "table_version", result)
        numbers = {"batch": self._planned.number} if self._planned else {}
        if isinstance(version, int):
            numbers["version"] = version
        return numbers | ({"rows": self._written.row_count()} if self._written else {})


@contextmanager
def watched(pipeline: Pipeline) -> Iterator[Watched]:
    """What this flow run does with batches of `pipeline`, for people to watch; for use inside a flow run."""
    with shown_progress() as progress:
        yield Watched(pipeline, progress)


def _plan(planned: PlannedBatch) -> str:
    number, files = planned.number, counted(planned.files.height, "file")
    if planned.undoes is not None:
        return f"batch {number} undoes batch {planned.undoes}, {files}"
    what = "records of the quarantine out of " if planned.is_replay else ""
    return f"batch {number}: {what}{files}, {size(int(planned.files['size'].sum()))}"
