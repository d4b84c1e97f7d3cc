"""Processes that tests kill, or let race: forked from one that has imported everything, and started nothing.

To start Python and to import what a run needs takes longer than most of these runs themselves.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Final

CONTEXT: Final[ForkServerContext] = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.preloaded"])


@dataclass(frozen=True)
class Started:
    """A process, and the file with what it says on standard error."""

    process: ForkServerProcess
    said: Path

    def ended(self, within_s: float = 120) -> tuple[int | None, str]:
        """Waits for the end; the exit status, or the negative of the signal, and what it said."""
        self.process.join(within_s)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        said = self.said.read_text(encoding="utf-8")
        self.said.unlink()
        return self.process.exitcode, said


def start(module: str, *arguments: str) -> Started:
    """Calls `main()` of a module of the tests, as `python -m tests.MODULE ARGUMENTS` would.

    The environment is the one of now; the exit status is what `main` gives.
    """
    number, said = tempfile.mkstemp(prefix="penstock-said-")
    os.close(number)
    started = process(_run, f"tests.{module}", arguments, said)
    started.start()
    return Started(started, Path(said))


def process(target: Callable[..., object], *arguments: object) -> ForkServerProcess:
    """One that calls `target` once it is started, with the environment of now."""
    return CONTEXT.Process(target=_call, args=(dict(os.environ), target, *arguments))


def killed(module: str, *arguments: str) -> None:
    """The same, of a process that must be killed on its way."""
    status, said = start(module, *arguments).ended()
    assert status == -signal.SIGKILL, (status, said)


def _call(environment: dict[str, str], target: Callable[..., object], *arguments: object) -> None:
    """In the new process."""
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def _run(module: str, arguments: tuple[str, ...], said: str) -> None:
    with open(said, "wb", buffering=0) as file:  # noqa: PTH123 - its descriptor is what is wanted
        os.dup2(file.fileno(), sys.stderr.fileno())
    sys.argv = [module, *arguments]
    sys.exit(importlib.import_module(module).main())
