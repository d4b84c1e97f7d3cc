"""Processes for flow runs that need not import Prefect first.

A server process imports once what takes longest and starts no thread, then forks a process for each run
(`multiprocessing`'s fork server). Such a process is as good as a fresh one: it ends with its run, and imports
what does not survive a fork, such as Polars, by itself. It costs a fifth of a fresh one.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import sys
import threading
from collections.abc import Mapping
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

_PRELOADED: Final = (
    "prefect.artifacts",
    "prefect.engine",
    "prefect.flow_engine",
    "prefect.client.orchestration",
    "config.spec_file",
    "numba",
    "s3fs",
)
"""None of them starts a thread when it is imported, as long as BLAS has only one."""


_ONE_AT_A_TIME: Final = threading.Lock()
"""An exit status can be read once, and whoever starts a process looks for those that have ended."""


def start_server() -> None:
    """Starts the process that forks, unless it runs already."""
    multiprocessing.set_forkserver_preload(list(_PRELOADED))
    forkserver.ensure_running()


def start_engine(environment: Mapping[str, str], folder: Path) -> ForkServerProcess:
    """A process that does what `python -m prefect.engine` does, with that environment, in that folder."""
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_run_engine, args=(dict(environment), str(folder)))
    with _ONE_AT_A_TIME:
        process.start()
    return process


def reap(process: ForkServerProcess) -> None:
    """Takes down the exit status of a process that has ended."""
    with _ONE_AT_A_TIME:
        process.join()


def _run_engine(environment: dict[str, str], folder: str) -> None:
    os.setsid()  # Ctrl-C is for the worker; a signal to this group reaches what the run started
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["prefect.engine"]
    try:
        runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves without; here are logs and events to be sent
