"""A run or replay that is killed within a batch: `python -m tests.pipelines.dying_run SPEC POINT BATCH`.

SPEC is the JSON of a pipeline. POINT is one of `POINTS`, in the order in which a batch passes them. With
`replay` as a fourth argument the quarantine is replayed.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines import replay, run
from pipelines.batch import committing
from pipelines.batch.committing import commit_batch
from pipelines.batch.writing import write_batch
from pipelines.written_batch import PlannedBatch, WrittenBatch
from storage.tables.quarantine.commit import QuarantineWriter

POINTS = ("planned", "data files written", "all files written", "quarantine committed", "data committed")


def die(*_: object, **__: object) -> None:
    """Ends this process at once, without any cleaning up, in the place of any function."""
    os.kill(os.getpid(), signal.SIGKILL)


def write(pipeline: Pipeline, planned: PlannedBatch, *others: Any) -> WrittenBatch:
    """Writes a batch, and dies on the way where this is its point."""
    dying = sys.argv[2] if planned.number == int(sys.argv[3]) else None
    if dying == "planned":
        die()
    if dying == "data files written":
        setattr(QuarantineWriter, "finish", die)  # noqa: B010 - mypy would have it a method
    written = write_batch(pipeline, planned, *others)
    if dying == "all files written":
        die()
    if dying == "quarantine committed":
        vars(committing).update(commit_files=die)
    return written


def commit(pipeline: Pipeline, written: WrittenBatch) -> int:
    """Commits a batch, and dies then where this is its point."""
    version = commit_batch(pipeline, written)
    if sys.argv[2] == "data committed" and written.planned.number == int(sys.argv[3]):
        die()
    return version


def main() -> None:
    """Takes batch after batch, and dies."""
    vars(run).update(write_batch=write, commit_batch=commit)
    begin = replay.replay if sys.argv[4:] == ["replay"] else run.run
    begin(Pipeline.model_validate_json(sys.argv[1]), Settings(threads=2))


if __name__ == "__main__":
    main()
