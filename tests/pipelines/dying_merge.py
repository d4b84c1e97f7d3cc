"""A run that is killed while a batch is merged: `python -m tests.pipelines.dying_merge SPEC POINT BATCH`.

SPEC is the JSON of a pipeline whose mode is not `append`. POINT is one of `POINTS`, in the order in which a
batch passes them.
"""

from __future__ import annotations

import sys
from typing import Any

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines import run
from pipelines.batch import committing
from pipelines.batch.committing import commit_batch
from pipelines.batch.writing import write_batch
from pipelines.written_batch import PlannedBatch, WrittenBatch
from storage.layout.uploads import Uploads
from storage.tables.merging import commit as merging
from tests.pipelines.dying_run import die

POINTS = (
    "planned",
    "staged",
    "quarantine committed",
    "table made",
    "files written again",
    "all decided",
    "committed",
    "cleaned up",
)


def write(pipeline: Pipeline, planned: PlannedBatch, *others: Any) -> WrittenBatch:
    """Writes a batch, and dies or prepares to where this is its point."""
    if _dying(planned) == "planned":
        die()
    written = write_batch(pipeline, planned, *others)
    match _dying(planned):
        case "staged":
            die()
        case "quarantine committed":
            vars(committing).update(commit_merged_rows=die)
        case "table made":
            vars(merging).update(merged=die)
        case "files written again":
            setattr(Uploads, "keep", die)  # noqa: B010 - mypy would have it a method
        case "all decided":
            vars(merging).update(commit_replacement=die)
        case "committed":
            setattr(merging._Committing, "_clean_up", die)  # noqa: B010 - as above; between two steps
    return written


def commit(pipeline: Pipeline, written: WrittenBatch) -> int:
    """Commits a batch, and dies then where this is its point."""
    version = commit_batch(pipeline, written)
    if _dying(written.planned) == "cleaned up":
        die()
    return version


def _dying(planned: PlannedBatch) -> str | None:
    """The point at which this batch dies."""
    return sys.argv[2] if planned.number == int(sys.argv[3]) else None


def main() -> None:
    """Takes batch after batch, and dies."""
    vars(run).update(write_batch=write, commit_batch=commit)
    run.run(Pipeline.model_validate_json(sys.argv[1]), Settings(threads=2))


if __name__ == "__main__":
    main()
