"""The bytes of one block while it is being filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PADDING_BYTES = 64
_NEWLINE = ord("\n")
_SEARCH_BYTES = 64 * 1024


class BlockBuffer:
    """Up to `capacity` bytes, and beyond them one for a newline and 64 of padding.

    Attributes:
        capacity: How many bytes fit in.
        size: How many bytes are in use.
    """

    def __init__(self, capacity: int) -> None:
        # Not zeroed: memory that is never filled is never touched.
        self._data = np.empty(capacity + 1 + _PADDING_BYTES, np.uint8)
        self._view = self._data.data
        self.capacity = capacity
        self.size = 0
        self._records_end = 0
        self._searched = 0

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
        self._view[start : self.size - length] = self._view[start + length : self.size]
        self.size -= length
        self._searched = min(self._searched, start)

    def first_newline(self) -> int | None:
        """Where the first newline is."""
        for start in range(0, self.size, _SEARCH_BYTES):
            found = self.copy(start, start + _SEARCH_BYTES).find(_NEWLINE)
            if found >= 0:
                return start + found
        return None

    def records_end(self) -> int:
        """Where the last whole record ends; 0 where there is none. No byte is searched twice."""
        for end in range(self.size, self._searched, -_SEARCH_BYTES):
            start = max(end - _SEARCH_BYTES, self._searched)
            found = self.copy(start, end).rfind(_NEWLINE)
            if found >= 0:
                self._records_end = start + found + 1
                break
        self._searched = self.size
        return self._records_end

    def end_record(self) -> None:
        """What is there is whole records: adds a newline where there is none at the end."""
        if self.size and self._view[self.size - 1] != _NEWLINE:
            self._view[self.size] = _NEWLINE
            self.size += 1
        self._records_end = self._searched = self.size

    def grown(self, capacity: int) -> BlockBuffer:
        """The same bytes with more room behind them."""
        return self.rest(0, capacity)

    def rest(self, start: int, capacity: int) -> BlockBuffer:
        """A new buffer with the bytes from `start` on, which hold no newline."""
        new = BlockBuffer(capacity)
        new.size = new._searched = self.size - start
        new._view[: new.size] = self._view[start : self.size]
        return new

    def sealed(self, size: int) -> NDArray[np.uint8]:
        """The array, its first `size` bytes followed by 64 zeros. The buffer must not be used any more."""
        self._data[size : size + _PADDING_BYTES] = 0
        return self._data
