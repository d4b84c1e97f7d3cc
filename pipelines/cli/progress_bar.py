"""The progress bar of `penstock run`, where standard error is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


@contextmanager
def progress_bar(pipeline: str) -> Iterator[Progress | None]:
    """A bar that follows the bytes of each batch; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.TextColumn("{task.fields[files]}"),
        rich_progress.FileSizeColumn(),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeElapsedColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield BatchBar(bar, pipeline)


class BatchBar(Progress):
    """One line: the batch under way."""

    def __init__(self, bar: Bar, pipeline: str) -> None:
        self._bar = bar
        self._pipeline = pipeline
        self._files = 0
        self._task: TaskID | None = None

    def planned(self, batch: int, files: int, size: int) -> None:
        """Starts the line of a batch; how many bytes its files have decompressed is not known before."""
        self._files = files
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(
            f"{self._pipeline} batch {batch}", total=files, files=f"0/{files} files"
        )

    def read(self, file: int, size: int) -> None:
        """Moves the line on."""
        if self._task is not None:
            self._bar.update(self._task, completed=file + 1, files=f"{file + 1}/{self._files} files")

    def committed(self, batch: int, rows: int) -> None:
        """Fills the line."""
        if self._task is not None:
            self._bar.update(self._task, completed=self._files)
