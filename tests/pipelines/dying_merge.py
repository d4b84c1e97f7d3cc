"""Runs that are killed while a batch is merged: `python -m tests.pipelines.dying_merge`.

For each line of standard input, a run in a process of its own: a JSON array of the environment, the JSON of a
pipeline whose mode is not `append`, the number of the batch, and the point at which it dies, one of `POINTS`,
in the order in which a batch passes them. The answer is a line for each: the
signal that ended the run, 0 for none.

The processes are forked from this one, which has imported everything and started nothing: that takes longer
than the runs themselves.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines import batch, run
from pipelines.written_batch import PlannedBatch, WrittenBatch
from storage.layout import table_writer  # noqa: F401 - imported before the forks, not in each of them
from storage.layout.uploads import Uploads
from storage.tables.merging import commit as merging

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


def die(*_: object, **__: object) -> None:
    """Ends this process at once, without any cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)


def write(pipeline: Pipeline, planned: PlannedBatch, *others: Any) -> WrittenBatch:
    """Writes a batch, and dies or prepares to where this is its point."""
    if _dying(planned) == "planned":
        die()
    written = batch.write_batch(pipeline, planned, *others)
    match _dying(planned):
        case "staged":
            die()
        case "quarantine committed":
            vars(batch).update(commit_merged_rows=die)
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
    version = batch.commit_batch(pipeline, written)
    if _dying(written.planned) == "cleaned up":
        die()
    return version


def _dying(planned: PlannedBatch) -> str | None:
    """The point at which this batch dies."""
    return os.environ["POINT"] if planned.number == int(os.environ["BATCH"]) else None


def main() -> None:
    """A process for each line, one after the other."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _run(*json.loads(line))
        print(os.WTERMSIG(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201 - the answer


def _run(environment: dict[str, str], spec: str, number: int, point: str) -> None:
    """Takes batch after batch, and dies; never returns."""
    os.environ.update(environment, BATCH=str(number), POINT=point)
    vars(run).update(write_batch=write, commit_batch=commit)
    try:
        run.run(Pipeline.model_validate_json(spec), Settings(threads=2))
    except BaseException:  # noqa: BLE001 - whatever it is, the parent's loop must not go on in here
        traceback.print_exc()
    os._exit(0)


if __name__ == "__main__":
    main()
