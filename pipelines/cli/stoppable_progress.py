"""Stops a run at the next block that it reads or writes."""

from __future__ import annotations

from pipelines.cli.stopping import Stop
from pipelines.progress import Progress


class StoppableProgress(Progress):
    """Tells `inner` of everything; stops the run, when asked to, at the next block read or to be written."""

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

    def transformed(self, rows: int) -> None:
        """Hands it on. All may have been read long ago where the transforms are slow."""
        self._stop.check()
        if self._inner:
            self._inner.transformed(rows)

    def committed(self, batch: int, rows: int) -> None:
        """Hands it on."""
        if self._inner:
            self._inner.committed(batch, rows)
        self._stop.check()
