"""The end of the process, whatever threads of native code are still about.

A query that is left early, by `--limit`, an error or a reader that went away, may leave a thread of Polars
inside of pyarrow for a moment. Before Python 3.14 a thread that comes back while the interpreter is taken
apart is ended where it stands (`pthread_exit`), which C++ answers by aborting the process
(https://docs.python.org/3/c-api/interp-lifecycle.html#cautions-regarding-runtime-finalization). So the
interpreter is not taken apart: the last of the functions that run at exit ends the process.
"""

from __future__ import annotations

import atexit
import os
import sys

from pipelines.cli.outcome import FAILED


class Ending:
    """How the process ends.

    Attributes:
        status: What it exits with; until it is set, that of an error that nobody expected.
    """

    def __init__(self) -> None:
        self.status = FAILED

    def register(self) -> None:
        """Before all other exit functions, which run in the opposite order, after all threads of Python."""
        atexit.register(self._leave)

    def _leave(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(self.status)
