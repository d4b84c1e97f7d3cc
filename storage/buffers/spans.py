"""Bytes of memory that are counted once, however many arrays look at them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Spans:
    """Disjoint spans of addresses."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def copy(self) -> Spans:
        """The same spans, apart from these."""
        other = Spans()
        other._starts, other._ends = self._starts.copy(), self._ends.copy()
        return other

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
    """The memory that was counted: what is in use of it, and the buffers that hold it.

    Addresses are given out again once memory is freed: `forget` them before.
    """

    def __init__(self) -> None:
        self._used, self._held = Spans(), Spans()
        self._lasting = Spans(), Spans()

    def add(self, address: int, size: int, start: int, end: int, *, lasting: bool) -> tuple[int, int]:
        """New bytes in use, and new bytes held, of a buffer in use from `start` to before `end`."""
        inner = address + min(start, size), address + min(end, size)
        outer = address, address + size
        if lasting:
            self._lasting[0].add(*inner)
            self._lasting[1].add(*outer)
        return self._used.add(*inner), self._held.add(*outer)

    def forget(self) -> None:
        """All but what is lasting: dictionaries, which a reader keeps from batch to batch, is gone."""
        self._used, self._held = (one.copy() for one in self._lasting)
