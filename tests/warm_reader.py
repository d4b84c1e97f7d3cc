"""One process that opens typed files and source tables, for all tests.

Penstock starts one for each batch; that takes longer than most batches of the tests.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from pipelines.reading import landed, table_source
from storage.reading.typed.reader_process import ReaderProcess


class WarmReader(ReaderProcess):
    """Where a batch would close it, it stays; what ends within a file ends as ever."""

    busy = False

    def read(self, *arguments: Any) -> Any:
        """Closes for good where a file is not read to its end."""
        self.busy = True
        outcome = yield from super().read(*arguments)
        self.busy = False
        return outcome

    def close(self) -> None:
        """Nothing, between two files."""
        if self.busy:
            self.busy = False
            super().close()

    def end(self) -> None:
        """Ends the process."""
        super().close()


@contextmanager
def shared_by_batches() -> Iterator[None]:
    """Inside, all batches of this process share one."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (landed, table_source):
            patch.setattr(module, "ReaderProcess", reader)
        yield


def reader(*, memory_bytes: int) -> ReaderProcess:
    """That process, or a new one while it reads a file."""
    warm = _warm(memory_bytes)
    return ReaderProcess(memory_bytes=memory_bytes) if warm.busy else warm


@cache
def _warm(memory_bytes: int) -> WarmReader:
    found = WarmReader(memory_bytes=memory_bytes)
    atexit.register(found.end)
    return found
