"""A maintenance that is killed: `python -m tests.pipelines.dying_maintenance SPEC POINT NOW_MS`.

SPEC is the JSON of a pipeline. POINT is one of `POINTS`, in the order in which a maintenance passes them.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.maintain import maintain
from storage.maintenance import compaction, merged_file, tending, vacuum

POINTS = (
    "last file written",
    "files written",
    "one unit committed",
    "compacted",
    "half vacuumed",
    "vacuumed",
)


def die(*_: Any, **__: Any) -> None:
    """Ends this process at once, without any cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies_the_second_time(module: Any, name: str) -> None:
    """Lets a function be called once, and then no more."""
    function = getattr(module, name)

    def once(*arguments: Any, **options: Any) -> Any:
        setattr(module, name, die)
        return function(*arguments, **options)

    setattr(module, name, once)


def prepare(point: str) -> None:
    """Puts death in its place."""
    if point == "last file written":
        vars(merged_file)["Cut"].left = die
    elif point == "files written":
        vars(compaction)["commit_replacement"] = die
    elif point == "one unit committed":
        dies_the_second_time(compaction, "commit_replacement")
    elif point == "compacted":
        vars(tending)["unneeded"] = die
    elif point == "half vacuumed":
        dies_the_second_time(vacuum, "_removed")
    elif point == "vacuumed":
        vars(tending)["read_log"] = die


def main() -> None:
    """Maintains, and dies."""
    prepare(sys.argv[2])
    pipeline = Pipeline.model_validate_json(sys.argv[1])
    list(maintain(pipeline, Settings(threads=2), now_ms=int(sys.argv[3])))


if __name__ == "__main__":
    main()
