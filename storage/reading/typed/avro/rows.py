"""The rows of an Avro file, gathered into batches of about one size whatever the size of its blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage.reading.typed.avro.columns import Columns
from storage.reading.typed.avro.container import Block, Container
from storage.reading.typed.avro.kernel import walk
from storage.reading.typed.avro.program import Program, Slot
from storage.reading.typed.avro.schema import Node, unsupported
from storage.reading.typed.failure import UnreadableError

_ALIGNMENT = 64
_MOST_BYTES = 2**29  # so that a batch and one row more stay below what 32-bit offsets can tell


def read(data: pa.Buffer, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows in order, in batches of about `batch_bytes` of the file's decompressed contents.

    Raises:
        UnreadableError: A block is damaged; the rows before the damage were given.
    """
    container = Container(data)
    rows = _Rows(container.row, min(batch_bytes, _MOST_BYTES))
    try:
        for block in container.blocks():
            yield from rows.take(block)
    except UnreadableError:
        yield from rows.rest()
        raise
    yield from rows.rest()


class _Rows:
    """Gathers rows of any number of blocks until they fill a batch."""

    def __init__(self, row: Node, batch_bytes: int) -> None:
        self._row = row
        program = Program.of(row)
        self._program, self._slots = program.array(), program.slots
        self._batch_bytes = batch_bytes
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[memoryview] = []
        self._rows = self._bytes = 0
        self._counts = np.zeros((len(self._slots), 2), np.int64)

    def take(self, block: Block) -> Iterator[pa.RecordBatch]:
        """The batches that the block fills.

        Raises:
            UnreadableError: A row is none; the ones before it are kept.
        """
        if len(block.data) > _MOST_BYTES:
            raise unsupported(f"a block of {len(block.data)} bytes")
        start, left, broken = 0, block.rows, False
        while left and not broken:
            rows, end, broken = self._measure(block.data, start, left)
            start, left = end, left - rows
            if self._bytes >= self._batch_bytes:
                yield from self.rest()
        if broken or start < len(block.data):
            raise UnreadableError(
                "corrupt_file",
                f"row {block.rows - left + 1} of {block.rows} in a block",
                offset=block.offset if left == block.rows else None,
            )

    def rest(self) -> Iterator[pa.RecordBatch]:
        """What has been gathered."""
        if self._rows:
            yield self._filled()
        self._begin()

    def _measure(self, data: bytes, start: int, most: int) -> tuple[int, int, bool]:
        """Takes rows until the batch is full: how many, where they end, and whether the next one is none."""
        stop = start + self._batch_bytes - self._bytes
        array = np.frombuffer(data, np.uint8)
        rows, end, broken = walk(
            self._program, array, start, len(data), stop, most, self._counts, self._counts, _NOTHING, False
        )
        self._pieces.append(memoryview(data)[start:end])
        self._rows += rows
        self._bytes += end - start
        return rows, end, broken

    def _filled(self) -> pa.RecordBatch:
        data = np.frombuffer(b"".join(self._pieces), np.uint8)
        places, size = _places(self._slots, self._counts)
        memory = np.zeros(size, np.uint8)
        counts = np.zeros_like(self._counts)
        walk(self._program, data, 0, len(data), len(data), self._rows, counts, places, memory, True)
        return Columns(self._slots, memory, counts, places).batch(self._row, self._rows)


_NOTHING = np.empty(0, np.uint8)


def _places(slots: list[Slot], counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Where each slot's values, or offsets, and its bytes begin, and how much memory that is."""
    sizes = np.zeros_like(counts)
    for number, slot in enumerate(slots):
        sizes[number, 0] = (counts[number, 0] + slot.has_offsets) * slot.item_bytes
        sizes[number, 1] = counts[number, 1] * slot.has_bytes
    aligned = (sizes.ravel() + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT
    ends = np.cumsum(aligned)
    return (ends - aligned).reshape(sizes.shape), int(ends[-1]) if len(ends) else 0
