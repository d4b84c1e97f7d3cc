"""The bytes of one block while it is being filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PADDING_BYTES = 64
_NEWLINE = ord("\n")


class BlockBuffer:
    """Up to `capacity` bytes, and beyond them one for a newline and 64 of padding.

    Attributes:
        capacity: How many bytes fit in.
        size: How many bytes are in use.
        data: All of the memory.
    """

    def __init__(self, capacity: int) -> None:
        # Not zeroed: memory that is never filled is never touched.
        self.data = np.empty(capacity + 1 + _PADDING_BYTES, np.uint8)
        self._view = self.data.data
        self.capacity = capacity
        self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be read in."""
        return self.size >= self.capacity

    def room(self) -> memoryview:
        """The free bytes."""
        return self._view[self.size : self.capacity]

    def copy(self, start: int, end: int) -> bytes:
        """The used bytes from `start` to `end`, or fewer where there are no more."""
        return bytes(self._view[start : min(end, self.size)])

    def remove(self, start: int, length: int) -> None:
        """Takes `length` bytes out; what follows moves up."""
        if length:
            self._view[start : self.size - length] = self._view[start + length : self.size]
            self.size -= length

    def end_record(self) -> None:
        """What is there is whole records: adds a newline where there is none at the end."""
        if self.size and self._view[self.size - 1] != _NEWLINE:
            self._view[self.size] = _NEWLINE
            self.size += 1

    def rest(self, start: int, capacity: int) -> BlockBuffer:
        """A new buffer with the bytes from `start` on, and room for as many as `capacity`."""
        new = BlockBuffer(capacity)
        new.size = self.size - start
        new._view[: new.size] = self._view[start : self.size]
        return new

    def sealed(self, size: int) -> NDArray[np.uint8]:
        """The array, its first `size` bytes followed by 64 zeros. The buffer must not be used any more."""
        self.data[size : size + _PADDING_BYTES] = 0
        return self.data
