"""Which statements were cancelled, and what each that runs has to look at."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from serving.errors import AbandonedError, LimitError

_KEPT: Final = 10_000
"""Of the statements that were cancelled; the oldest is forgotten first."""


class Running:
    """Statements by the ids of their tickets; one may run several times, a part of it each time."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._cancelled: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._is_over = False

    @contextmanager
    def run(self, statement: str, context: Any, within_s: float) -> Generator[Callable[[], None]]:
        """While it runs; gives what is to be called all the time, and raises what ends it.

        Raises:
            AbandonedError: It was cancelled, or its client went away.
            LimitError: The time is over.
        """
        ends_s = time.monotonic() + within_s

        def check() -> None:
            if self._is_over:
                raise AbandonedError("the server stops", next_step="ask again when it is back")
            if statement in self._cancelled or context.is_cancelled():
                raise AbandonedError("the statement was cancelled")
            if time.monotonic() > ends_s:
                raise LimitError(
                    "the statement took too long",
                    expected=f"rows fetched within {within_s:g} s (statement_time)",
                    next_step="ask for less, or have the limit raised",
                )

        with self._lock:
            self._running[statement] += 1
        try:
            check()
            yield check
        finally:
            with self._lock:
                self._running -= Counter([statement])

    def cancel(self, statement: str) -> bool:
        """Ends it, and has it never run again; whether it was running."""
        with self._lock:
            self._cancelled[statement] = None
            if len(self._cancelled) > _KEPT:
                self._cancelled.popitem(last=False)
            return self._running[statement] > 0

    def end(self) -> None:
        """Ends all of them, and has none run again."""
        self._is_over = True

    def count(self) -> int:
        """How many run."""
        with self._lock:
            return self._running.total()
