"""The row groups that a question leaves of a table, for several readers at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import polars as pl

from storage.skipping.fragments import Fragments
from storage.skipping.plan import Question, open_files


def share_of(files: pl.DataFrame, part: int, parts: int) -> pl.DataFrame:
    """One of `parts` shares of the files, each of about as many bytes; together they are all files."""
    return files.sort("size", "path", descending=True).gather_every(parts, offset=part)


class Runs:
    """Pieces of the files that may hold matches, fragments of some row groups each; drawn by any thread.

    Lazy: footers are read as the pieces are drawn, some files at a time. Each piece is given once.

    Args:
        fragments: Of the table.
        files: Those that may hold matches, as `choose_files` gave them.
        question: What of them is asked for.
    """

    def __init__(self, fragments: Fragments, files: pl.DataFrame, question: Question) -> None:
        self._fragments, self._files, self._question = fragments, files, question
        self._pieces: Iterator[Any] | None = None
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with self._lock:
            if self._pieces is None:
                self._pieces = self._made()
            return next(self._pieces)

    def _made(self) -> Iterator[Any]:
        for opened in open_files(self._files, self._question, self._fragments):
            yield from opened.parts()
