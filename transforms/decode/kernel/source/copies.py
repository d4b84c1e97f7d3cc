"""Copies of single records, for the few that are refused."""

from __future__ import annotations

from transforms.decode.kernel.source.compiled import entry
from transforms.decode.kernel.source.memory import load_byte, longs_at, newline_stops, trailing_zeros
from transforms.decode.kernel.source.paths import copy_bytes


@entry
def find_ends(block, count, begins, limits, ends):
    """Writes where the line from each begin ends, its line ending left out; at most at its limit.

    All are `count` int64, as offsets in the block.
    """
    begins, limits, ends = longs_at(begins, count), longs_at(limits, count), longs_at(ends, count)
    for i in range(count):
        end = begins[i]
        stops = newline_stops(block + end)
        while stops == 0 and end < limits[i]:
            end += 16
            stops = newline_stops(block + end)
        end = min(end + trailing_zeros(stops), limits[i]) if stops != 0 else limits[i]
        if end > begins[i] and load_byte(block + end - 1) == 0x0D:
            end -= 1
        ends[i] = end
    return 0


@entry
def copy_spans(block, count, begins, ends, target):
    """Writes the bytes of all spans to `target`, one behind the other."""
    begins, ends = longs_at(begins, count), longs_at(ends, count)
    to = target
    for i in range(count):
        to = copy_bytes(to, block + begins[i], ends[i] - begins[i])
    return 0
