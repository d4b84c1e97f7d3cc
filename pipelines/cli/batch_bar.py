"""One line on the terminal that follows a batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from pipelines.cli.plain_text import size
from pipelines.progress import Progress


class BatchBar(Progress):
    """The batch under way: its files, its bytes, and how fast they are read."""

    def __init__(self, bar: Bar, pipeline: str) -> None:
        self._bar = bar
        self._pipeline = pipeline
        self._files = 0
        self._task = bar.add_task(pipeline, total=None, files="")

    def planned(self, batch: int, files: int, size: int | None) -> None:
        """Begins anew; without a size the bar only says that something moves."""
        self._files = files
        self._bar.reset(
            self._task, total=size, description=f"{self._pipeline} batch {batch}", files=self._at(0)
        )

    def read(self, file: int, size: int) -> None:
        """Moves the line on."""
        self._bar.update(self._task, advance=size, files=self._at(file))

    def committed(self, batch: int, rows: int) -> None:
        """Nothing to add: the line goes away, or gives way to the next batch."""

    def _at(self, file: int) -> str:
        return f"file {file + 1}/{self._files}"


class _BytesRead(ProgressColumn):
    """How far, and how fast."""

    def render(self, task: Task) -> Text:
        """Such as `312.5 MiB of 1.6 GiB, 157.0 MiB/s`."""
        total = "" if task.total is None else f" of {size(task.total)}"
        speed = "" if not task.speed else f", {size(task.speed)}/s"
        return Text(f"{size(task.completed)}{total}{speed}")


@contextmanager
def showing(pipeline: str) -> Iterator[BatchBar]:
    """A line on standard error, which is gone at the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[files]}"),
        _BytesRead(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield BatchBar(bar, pipeline)
