"""What the child may take of the machine, so that a hostile file ends the child and nothing else."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")

_STATUS = Path("/proc/self/status")


def be_spared() -> None:
    """No core dumps; Ctrl-C is for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def memory_not_counted(memory_bytes: int) -> Iterator[None]:
    """Behind it, no more than `memory_bytes` beyond what is in use then: more is a `MemoryError`, or the end.

    The memory that is meant is that of the process alone: files that are mapped do not count.
    """
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, (_used_bytes() + memory_bytes, most))


class TimeLimit:
    """Ends the process when one step takes longer than `seconds`, whatever it is doing, parent or none."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def each(self, steps: Iterator[Item]) -> Iterator[Item]:
        """The items of `steps`; the time that passes until the next one is asked for does not count."""
        while True:
            signal.alarm(self._seconds)
            try:
                item = next(steps, None)
            finally:
                signal.alarm(0)
            if item is None:
                return
            yield item


def _used_bytes() -> int:
    """What RLIMIT_DATA counts: private writable memory; 0 where the system does not tell."""
    if not _STATUS.exists():
        return 0
    lines = (line.split() for line in _STATUS.read_text().splitlines())
    return next((int(line[1]) * 1024 for line in lines if line[0] == "VmData:"), 0)
