"""One of several runs at the same time: `python -m tests.pipelines.racing_run SPEC START`.

Waits for the file START, so that all of them begin together. Ends with status 3 where another run was faster.
With `replay` as a third argument the quarantine is replayed, with `undo N` a batch is undone, with `rebuild`
the table is rebuilt.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import storage.layout.table_writer  # noqa: F401 - imported before the start, so that none of them is late
from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.backfill.rebuild import rebuild
from pipelines.replay import replay
from pipelines.run import run
from pipelines.undo import undo
from storage.errors import ConcurrentRunError

FASTER = 3


def main() -> int:
    """Runs until caught up."""
    pipeline = Pipeline.model_validate_json(sys.argv[1])
    step, _, batch = " ".join(sys.argv[3:]).partition(" ")
    begins: dict[str, Callable[..., object]] = {
        "replay": replay,
        "rebuild": rebuild,
        "undo": partial(undo, batch=int(batch or 0)),
    }
    begin = begins.get(step, run)
    while not Path(sys.argv[2]).exists():
        time.sleep(0.001)
    try:
        begin(pipeline, settings=Settings(threads=1))
    except ConcurrentRunError as error:
        sys.stderr.write(str(error))
        return FASTER
    return 0


if __name__ == "__main__":
    sys.exit(main())
