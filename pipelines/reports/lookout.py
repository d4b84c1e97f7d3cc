"""Asks which pipelines have nothing to do, in a process of its own.

That process imports what reads landing zones, ledgers and tables once, and stays: an answer costs a fraction
of a flow run, and who asks imports none of it.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Lock
from typing import Final

_PATIENCE_S: Final = 30
_QUESTIONS: Final = 5_000
"""To one process, which then makes room for a fresh one: nothing that it keeps can grow for ever."""

_log = logging.getLogger(__name__)
_fresh = multiprocessing.get_context("spawn")


class Lookout:
    """Starts its process with the first question."""

    def __init__(self) -> None:
        self._one_at_a_time = Lock()
        self._process: SpawnProcess | None = None
        self._asked = 0

    def idle(self, pipelines: Sequence[str]) -> set[str]:
        """Those that have nothing to do; none where there is no answer within half a minute.

        Runs then have the say. Blocks; may be called by several threads, which wait for one another.
        """
        with self._one_at_a_time:
            try:
                return self._answer(pipelines)
            except (OSError, EOFError) as error:
                _log.warning("cannot see whether anything waits: %r", error)
                self._end()
                return set()

    def close(self) -> None:
        """Ends the process."""
        with self._one_at_a_time:
            self._end()

    def _answer(self, pipelines: Sequence[str]) -> set[str]:
        if self._asked >= _QUESTIONS:
            self._end()
        if self._process is None:
            self._begin()
        self._asked += 1
        self._questions.send(list(pipelines))
        if not self._questions.poll(_PATIENCE_S):
            raise TimeoutError(f"no answer within {_PATIENCE_S} s")
        return set(self._questions.recv())

    def _begin(self) -> None:
        self._questions, theirs = _fresh.Pipe()
        self._process = _fresh.Process(target=_look, args=(theirs,), name="lookout", daemon=True)
        self._process.start()
        theirs.close()
        self._asked = 0

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()  # it only reads
            self._process.join()
            self._questions.close()
            self._process = None


def _look(questions: Connection) -> None:
    """Answers until nobody asks any more."""
    from pipelines.reports.idle import idle  # here only: who asks needs none of it

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    try:
        while True:
            questions.send(idle(questions.recv()))
    except (EOFError, OSError):
        pass
