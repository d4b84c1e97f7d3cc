"""Runs a pipeline, batch by batch, until nothing waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from config.formats import TYPED
from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.batch.committing import commit_batch
from pipelines.batch.planning import plan_batch
from pipelines.batch.writing import write_batch
from pipelines.progress import Progress
from pipelines.promises.promise import Promise
from pipelines.spent import peak_memory_bytes
from pipelines.step import Step, at_once
from pipelines.written_batch import PlannedBatch, WrittenBatch
from storage.errors import TableSchemaError
from storage.tables.delta import last_batch, open_table

if TYPE_CHECKING:
    from pipelines.undo import UndoSummary

Write = Callable[[Pipeline, PlannedBatch, Settings, Progress | None], WrittenBatch]
"""Writes the files of a batch, invisible as yet; `write_batch` is one."""


@dataclass(frozen=True)
class BatchSummary:
    """A batch that is committed; the names are those of `penstock run --json`."""

    batch: int
    files: int
    bytes_read: int  # as stored
    records_read: int
    rows_written: int
    rows_quarantined: int  # of a replay: records that stay in the quarantine
    rows_dropped: int
    rows_duplicate: int
    table_version: int
    seconds: float
    peak_memory_bytes: int  # of the process, so far
    undoes: int | None = None  # the batch that it took out of the table; None where it took something in
    rows_removed: int = 0  # by how many rows an undo made the table smaller
    readers: tuple[Promise, ...] = ()  # how the promises to readers stand; empty where there are none
    quarantined_by_reason: dict[str, int] = field(default_factory=dict)  # `rows_quarantined` in sum
    seconds_by_stage: dict[str, float] = field(default_factory=dict)  # by the wall clock; `spent.STAGES`
    unmet: dict[str, int] = field(default_factory=dict)  # rows that did not meet an expectation, where any


@dataclass(frozen=True)
class RunSummary:
    """All batches of one run; `caught_up` where nothing was left waiting."""

    pipeline: str
    caught_up: bool
    batches: tuple[BatchSummary, ...]

    def as_dict(self) -> dict[str, Any]:
        """The document that `penstock run --json` prints."""
        return asdict(self)


def run(
    pipeline: Pipeline,
    settings: Settings | None = None,
    *,
    max_batches: int | None = None,
    progress: Progress | None = None,
) -> RunSummary:
    """Takes in what has landed, until caught up or `max_batches` are done.

    Atomic by batch and safe to repeat: a run that fails leaves the batches that it committed, and the next
    run takes up the one that it did not.

    Raises:
        ConcurrentRunError: Another run of the same pipeline goes on.
        PenstockError: The batch under way failed; it is not visible.
    """
    settings = settings or Settings.from_environment()
    done: list[BatchSummary] = []
    caught_up = False
    while max_batches is None or len(done) < max_batches:
        planned = plan_batch(pipeline)
        if planned is None:
            caught_up = True
            break
        done.append(take(pipeline, planned, settings, progress)[1])
    return RunSummary(pipeline.name, caught_up, tuple(done))


def take(
    pipeline: Pipeline,
    planned: PlannedBatch,
    settings: Settings,
    progress: Progress | None,
    step: Step = at_once,
    write: Write | None = None,
) -> tuple[WrittenBatch | None, BatchSummary]:
    """Writes and commits a batch, and tells of it; errors as of `run`. An undo writes none.

    Args:
        pipeline: Whose batch it is.
        planned: The batch.
        settings: The limits of this process.
        progress: Gets told how far it is.
        step: How its steps are done.
        write: What writes its files, as `write_batch` does, which is the default.
    """
    begin, of = time.perf_counter(), f"{pipeline.name} batch {planned.number}"
    if planned.undoes is not None:
        from pipelines.undo import finish  # few runs meet an undo that was left to them

        undone = step("undo", f"{pipeline.name} batch {planned.undoes}", lambda: finish(pipeline, planned))
        return None, undo_summary(undone, time.perf_counter() - begin)
    if progress:
        progress.planned(planned.number, planned.files.height, _size_to_read(pipeline, planned))
    written = step("write", of, lambda: (write or write_batch)(pipeline, planned, settings, progress))
    try:
        version = step("commit", of, lambda: commit_batch(pipeline, written))
    except TableSchemaError:
        if (beside := _beside_others(pipeline, planned)) is None:
            raise
        return take(pipeline, beside, settings, progress, step, write)
    if progress:
        progress.committed(planned.number, written.row_count())
    done = summary(written, version, time.perf_counter() - begin)
    if pipeline.readers:
        from pipelines.promises.check import promises  # few pipelines promise anything, and this takes 0.2 s

        done = replace(done, readers=promises(pipeline, version))
    return written, done


def _beside_others(pipeline: Pipeline, planned: PlannedBatch) -> PlannedBatch | None:
    """The batch for the table that another pipeline has made, with columns that this one did not know."""
    table = open_table(pipeline.table.uri) if planned.table is None else None
    if table is None or last_batch(table, pipeline.name) >= planned.number:
        return None
    return replace(planned, table=table)


def _size_to_read(pipeline: Pipeline, planned: PlannedBatch) -> int | None:
    """Bytes; None where a file is compressed, or has its own way of storing columns."""
    source, paths = pipeline.source, planned.files["path"]
    if not planned.is_replay and any(
        source.compression_of(path) != "none" or source.format_of(path) in TYPED for path in paths
    ):
        return None
    return int(planned.files["size"].sum())


def summary(written: WrittenBatch, version: int, seconds: float) -> BatchSummary:
    """What is said of a committed batch."""
    counts = written.counts
    return BatchSummary(
        batch=written.planned.number,
        files=written.planned.files.height,
        bytes_read=int(written.planned.files["size"].sum()),
        records_read=sum(counts.read),
        rows_written=written.row_count(),
        rows_quarantined=sum(counts.quarantined) + written.unstorable,
        rows_dropped=sum(counts.dropped),
        rows_duplicate=sum(counts.duplicates) + written.left_out(),
        table_version=version,
        seconds=round(seconds, 3),
        peak_memory_bytes=peak_memory_bytes(),
        quarantined_by_reason=dict(sorted(written.reasons.items(), key=lambda one: (-one[1], one[0]))),
        seconds_by_stage=written.planned.spent.seconds(),
        unmet=dict(counts.unmet),
    )


def undo_summary(done: UndoSummary, seconds: float) -> BatchSummary:
    """What is said of a batch that took another out of the table."""
    return BatchSummary(
        batch=done.batch,
        files=done.files,
        bytes_read=0,
        records_read=0,
        rows_written=0,
        rows_quarantined=0,
        rows_dropped=0,
        rows_duplicate=0,
        table_version=done.table_version or 0,
        seconds=round(seconds, 3),
        peak_memory_bytes=peak_memory_bytes(),
        undoes=done.undoes,
        rows_removed=done.rows_removed or 0,
        seconds_by_stage={"commit": round(seconds, 3)},
    )
