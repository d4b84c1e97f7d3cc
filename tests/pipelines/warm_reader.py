"""One process that opens typed files and source tables, for all batches of a test run.

Penstock starts one for each batch; that takes longer than most batches of the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
def warm_readers() -> Iterator[None]:
    """Inside, batches share a process for each size of memory."""
    readers: dict[int, WarmReader] = {}

    def reader(*, memory_bytes: int) -> ReaderProcess:
        if memory_bytes not in readers:
            readers[memory_bytes] = WarmReader(memory_bytes=memory_bytes)
        found = readers[memory_bytes]
        return ReaderProcess(memory_bytes=memory_bytes) if found.busy else found

    with pytest.MonkeyPatch.context() as patch:
        for module in (landed, table_source):
            patch.setattr(module, "ReaderProcess", reader)
        yield
    for one in readers.values():
        one.end()
