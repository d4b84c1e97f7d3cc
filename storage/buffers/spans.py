"""Bytes of memory that are counted once, however many arrays look at them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Spans:
    """Disjoint spans of addresses."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> int:
        """How many of the bytes from `start` to before `end` are new; from now on they are not."""
        if end <= start:
            return 0
        first = bisect_left(self._ends, start)  # spans that touch become one
        last = bisect_right(self._starts, end)
        known = sum(
            min(self._ends[number], end) - max(self._starts[number], start) for number in range(first, last)
        )
        fresh = end - start - known
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]
        return fresh


class Seen:
    """The memory that was counted: what is looked at, and the buffers that hold it.

    Addresses are told again once memory is freed: `forget` it before.
    """

    def __init__(self) -> None:
        self._used = Spans()
        self._held = Spans()

    def add(self, address: int, size: int, start: int, end: int) -> tuple[int, int]:
        """New bytes in use, and new bytes held, of a buffer in use from `start` to before `end`."""
        used = self._used.add(address + min(start, size), address + min(end, size))
        return used, self._held.add(address, address + size)
