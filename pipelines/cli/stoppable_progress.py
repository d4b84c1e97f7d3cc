"""Stops a run at the next block that it reads."""

from __future__ import annotations

from pipelines.cli.stopping import Stop
from pipelines.progress import Progress


class StoppableProgress(Progress):
    """Tells `inner` of everything, and stops the run at the next block when it is asked to."""

    def __init__(self, stop: Stop, inner: Progress | None) -> None:
        self._stop = stop
        self._inner = inner

    def planned(self, batch: int, files: int, size: int | None) -> None:
        """Hands it on."""
        self._stop.check()
        if self._inner:
            self._inner.planned(batch, files, size)

    def read(self, file: int, size: int) -> None:
        """Hands it on."""
        self._stop.check()
        if self._inner:
            self._inner.read(file, size)

    def committed(self, batch: int, rows: int) -> None:
        """Hands it on."""
        if self._inner:
            self._inner.committed(batch, rows)
        self._stop.check()
