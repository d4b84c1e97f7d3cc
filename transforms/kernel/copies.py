"""Copies of single records, for the few that are refused."""

from __future__ import annotations

from transforms.kernel.compiled import compiled
from transforms.kernel.memory import load_byte
from transforms.kernel.paths import copy_bytes


@compiled
def find_ends(data, begins, limits, ends):
    """Writes where the first line from each begin ends, its line ending left out; at most at its limit."""
    block = data.ctypes.data
    for i in range(begins.size):
        end = begins[i]
        while end < limits[i] and load_byte(block + end) != 0x0A:
            end += 1
        if end > begins[i] and load_byte(block + end - 1) == 0x0D:
            end -= 1
        ends[i] = end


@compiled
def copy_spans(data, begins, ends, target):
    """Writes the bytes of all spans to `target`, one behind the other."""
    block, to = data.ctypes.data, target.ctypes.data
    for i in range(begins.size):
        to = copy_bytes(to, block + begins[i], ends[i] - begins[i])
