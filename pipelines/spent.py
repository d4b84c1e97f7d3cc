"""What a batch has cost so far: wall-clock seconds by stage, and the memory of the process."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

Stage = Literal["plan", "write", "commit"]
STAGES: Final[tuple[Stage, ...]] = ("plan", "write", "commit")
"""`plan` reads ledger and landing zone; `write` reads, decodes, transforms and lays out, which happen at the
same time; `commit` makes the refused records visible, then merges the rows where they are merged, and makes
them visible."""


@dataclass
class Spent:
    """The clock of one batch, in one thread. A stage that is tried again counts again, as it takes its time.

    What it tells is told to people and to metrics, and nothing is ever compared with it.
    """

    _seconds: dict[str, float] = field(default_factory=dict)
    _running: tuple[Stage, float] | None = None

    @contextmanager
    def on(self, stage: Stage) -> Iterator[None]:
        """Counts the time of the block, whether it succeeds or fails."""
        self._running = stage, time.perf_counter()
        try:
            yield
        finally:
            self._seconds, self._running = self._until_now(), None

    def seconds(self) -> dict[str, float]:
        """By stage, to the millisecond; of a stage that goes on, until now."""
        return {stage: round(seconds, 3) for stage, seconds in self._until_now().items()}

    def _until_now(self) -> dict[str, float]:
        if self._running is None:
            return dict(self._seconds)
        stage, begin = self._running
        return self._seconds | {stage: self._seconds.get(stage, 0.0) + time.perf_counter() - begin}


def peak_memory_bytes() -> int:
    """The most memory that this process has held (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
