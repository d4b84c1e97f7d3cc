"""The end of the process of a run that left a batch early, by an error or because it was cancelled.

A thread of Polars may still be inside of pyarrow or of a function of the pipeline then, and comes back while
Python takes itself apart, which aborts the process, or hangs until the worker kills it. So it is not taken
apart: when all others have had their turn at exit (logs and events are sent there), the process ends.
"""

from __future__ import annotations

import atexit
import os
import sys

_RUN: str = "PREFECT__FLOW_RUN_ID"
"""The variable that Prefect sets for a process which is there for one flow run."""

_begun = False


def leave_early() -> None:
    """Ends this process so, where it is one for a single run; the state of the run is in the server then."""
    if _RUN in os.environ:
        atexit.register(_leave)


def _leave() -> None:
    global _begun
    if _begun:
        return
    _begun = True
    atexit._run_exitfuncs()  # all but this one
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)
