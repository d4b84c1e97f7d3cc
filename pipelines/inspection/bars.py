"""Ranges as bars: few enough to look at, in the order of where they begin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pipelines.inspection.document import Ranges

FILLED: Final = "█"
EMPTY: Final = "·"


@dataclass(frozen=True, slots=True)
class Bar:
    """One range, or several that begin next to each other.

    Attributes:
        number: Of the first one, in the order of the file or the log; from 0.
        count: How many they are.
        low: The least bound, as text; `high` the greatest.
        start: Its place from 0 to 1; `end` that of the greatest.
    """

    number: int
    count: int
    low: str
    high: str
    start: float
    end: float

    def drawn(self, width: int) -> str:
        """As `width` characters; never without a mark."""
        first = min(int(self.start * width), width - 1)
        last = max(first + 1, min(math.ceil(self.end * width), width))
        return EMPTY * first + FILLED * (last - first) + EMPTY * (width - last)


def bars(ranges: Ranges, most: int) -> list[Bar]:
    """Those with bounds, by their starts; neighbours together where they are more than `most`."""
    found = sorted(_single(ranges), key=lambda bar: (bar.start, bar.end))
    step = max(1, math.ceil(len(found) / most))
    return [_together(found[first : first + step]) for first in range(0, len(found), step)]


def _single(ranges: Ranges) -> list[Bar]:
    rows = zip(ranges["low"], ranges["high"], ranges["start"], ranges["end"], strict=True)
    return [
        Bar(number, 1, low, high, start, end)
        for number, (low, high, start, end) in enumerate(rows)
        if low is not None and high is not None and start is not None and end is not None
    ]


def _together(some: list[Bar]) -> Bar:
    last = max(some, key=lambda bar: bar.end)
    return Bar(some[0].number, len(some), some[0].low, last.high, some[0].start, last.end)


def verdict(ranges: Ranges) -> str:
    """How many of them a lookup reads, in words."""
    reads, units = ranges["lookup_reads"], ranges["units"]
    if reads is None:
        return f"no bounds in {ranges['total']:,} {units}"
    share = 100 * reads / ranges["total"]
    notes = [f"{ranges['unknown']:,} without bounds"] if ranges["unknown"] else []
    notes += [f"{ranges['nothing_but_null']:,} with nothing but null"] if ranges["nothing_but_null"] else []
    beside = f"; {', '.join(notes)}" if notes else ""
    return f"a lookup of one value reads {reads:,.1f} of {ranges['total']:,} {units} ({share:.3g} %){beside}"
