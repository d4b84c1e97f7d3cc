"""A run or replay that is killed within a batch: `python -m tests.pipelines.dying_run SPEC POINT BATCH`.

SPEC is the JSON of a pipeline. POINT is one of `POINTS`, in the order in which a batch passes them. With
`replay` as a fourth argument the quarantine is replayed.
"""

from __future__ import annotations

import os
import signal
import sys
from operator import attrgetter
from typing import Any

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines import batch, replay, run
from pipelines.written_batch import PlannedBatch, WrittenBatch

POINTS = ("planned", "data files written", "all files written", "quarantine committed", "data committed")


def die() -> None:
    """Ends this process at once, without any cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_when(function: str) -> None:
    """Puts death in the place of something that `pipelines.batch` calls."""
    owner, _, name = function.rpartition(".")
    setattr(attrgetter(owner)(batch) if owner else batch, name, lambda *_, **__: die())


def write(pipeline: Pipeline, planned: PlannedBatch, *others: Any) -> WrittenBatch:
    """Writes a batch, and dies on the way where this is its point."""
    dying = sys.argv[2] if planned.number == int(sys.argv[3]) else None
    if dying == "planned":
        die()
    if dying == "data files written":
        die_when("QuarantineWriter.finish")
    written = batch.write_batch(pipeline, planned, *others)
    if dying == "all files written":
        die()
    if dying == "quarantine committed":
        die_when("commit_files")
    return written


def commit(pipeline: Pipeline, written: WrittenBatch) -> int:
    """Commits a batch, and dies then where this is its point."""
    version = batch.commit_batch(pipeline, written)
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
