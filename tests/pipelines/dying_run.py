"""A run that is killed at one point of one batch: `python -m tests.pipelines.dying_run SPEC POINT BATCH`.

SPEC is the JSON of a pipeline. POINT is one of `POINTS`, in the order in which a batch passes them.
"""

from __future__ import annotations

import os
import signal
import sys
from operator import attrgetter

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines import batch

POINTS = ("planned", "data files written", "all files written", "quarantine committed", "data committed")


def die() -> None:
    """Ends this process at once, without any cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_when(function: str) -> None:
    """Puts death in the place of something that `pipelines.batch` calls."""
    owner, _, name = function.rpartition(".")
    setattr(attrgetter(owner)(batch) if owner else batch, name, lambda *_, **__: die())


def main() -> None:
    """Takes batch after batch, and dies."""
    spec, point, last = sys.argv[1:]
    pipeline = Pipeline.model_validate_json(spec)
    settings = Settings(threads=2)
    while planned := batch.plan_batch(pipeline):
        dying = point if planned.number == int(last) else None
        if dying == "planned":
            die()
        if dying == "data files written":
            die_when("QuarantineWriter.finish")
        written = batch.write_batch(pipeline, planned, settings)
        if dying == "all files written":
            die()
        if dying == "quarantine committed":
            die_when("commit_files")
        batch.commit_batch(pipeline, written)
        if dying == "data committed":
            die()


if __name__ == "__main__":
    main()
