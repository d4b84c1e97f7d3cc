"""The line that follows `penstock verify` on a terminal; imported only where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipelines.proof.proof import Watcher


@contextmanager
def showing(pipeline: str) -> Iterator[Watcher]:
    """The bar, on standard error, gone at the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield ProofBar(bar, pipeline)


class ProofBar(Watcher):
    """One line: the stage of the proof, and how far it is."""

    def __init__(self, bar: Progress, pipeline: str) -> None:
        self._bar = bar
        self._title = f"verify {escape(pipeline)}"
        self._task = bar.add_task(self._title, total=None)

    def begin(self, what: str, total: int) -> None:
        """Starts over with another stage."""
        self._bar.reset(self._task, description=f"{self._title}: {what}", total=total)

    def at(self, position: int) -> None:
        """Moves the line on."""
        self._bar.update(self._task, completed=position)
