"""Who watches a run: told of what is read, what comes out of the transforms, and each batch that is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from pipelines.reading.recalled import Recalled
from storage.reading.blocks import Block
from storage.reading.items import Item
from storage.reading.rows import Rows


class Progress(Protocol):
    """Gets told how far a run is; the default does nothing."""

    def planned(self, batch: int, files: int, size: int | None) -> None:
        """A batch begins; `size` bytes will be read, None where some are compressed, so that nobody knows."""

    def read(self, file: int, size: int) -> None:
        """`size` decompressed bytes were read, the last of them from file number `file` of the batch."""

    def transformed(self, rows: int) -> None:
        """`rows` came out of the transforms, to be written: the last time before a batch is visible."""
        return  # or it would be abstract

    def committed(self, batch: int, rows: int) -> None:
        """A batch is visible."""

    def watch(self, items: Iterable[Item | Recalled]) -> Iterator[Item | Recalled]:
        """The items, each of them told to `read`; rows with the memory that they take."""
        for item in items:
            if isinstance(item, Block):
                self.read(item.segments[-1].file, item.size)
            elif isinstance(item, Rows):
                self.read(item.file, item.batch.nbytes)
            elif isinstance(item, Recalled):
                self.read(int(item.files[-1]), item.size)
            yield item
