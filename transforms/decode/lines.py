"""Blocks of lines into records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.decode.kernel.library import call

SHORT_RECORD = 128
"""Bytes: a first guess at the length of records, so that their number need not be counted first."""


@dataclass(frozen=True)
class Lines:
    """The records of a block, in order, a slot for each.

    offsets: record r is `data[offsets[r]:offsets[r + 1]]`, with its line ending and blank lines.
    parts: which part of the block (a stretch of one file) it belongs to.
    lines: its line in that part, from 0.
    line_counts: the lines of each part, blank ones included.
    """

    offsets: NDArray[np.int64]
    parts: NDArray[np.int32]
    lines: NDArray[np.int32]
    line_counts: NDArray[np.int64]

    def between(self, first: int, past: int) -> Lines:
        """The records from number `first` up to `past`, which is left out."""
        return Lines(
            self.offsets[first : past + 1], self.parts[first:past], self.lines[first:past], self.line_counts
        )

    def per_part(self) -> NDArray[np.int64]:
        """How many of the records each part has."""
        return np.bincount(self.parts, minlength=len(self.line_counts))


def split(data: NDArray[np.uint8], size: int, starts: NDArray[np.int64]) -> Lines:
    """The records in `data[:size]`, whose parts begin at `starts` and end with a newline each.

    Lines of nothing but spaces, tabs and carriage returns are no records.
    """
    room = size // SHORT_RECORD + 16
    while True:
        offsets = np.empty(room + 1, np.int64)
        parts, lines = np.empty(room, np.int32), np.empty(room, np.int32)
        line_counts = np.zeros(len(starts), np.int64)
        records = call(
            "split_lines", data, size, starts, len(starts), offsets, parts, lines, room, line_counts
        )
        if records >= 0:
            return Lines(offsets[: records + 1], parts[:records], lines[:records], line_counts)
        room *= 4
