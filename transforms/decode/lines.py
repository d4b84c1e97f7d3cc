"""Blocks of text into records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.text_form import LINES, TextForm
from transforms.decode.kernel.codes import PADDING
from transforms.decode.kernel.library import call

SHORT_RECORD = 128
"""Bytes: a first guess at the length of records, so that their number need not be counted first."""


@dataclass(frozen=True)
class Lines:
    """The records of a block, in order, a slot for each.

    offsets: where record r begins; it is over before `offsets[r + 1]`.
    parts: which part of the block (a stretch of one file) it belongs to.
    lines: its number in that part, from 0.
    line_counts: the numbers of each part; of lines, blank ones have one too.
    ends: where each record ends, its line ending left out; None where that is the next newline.
    """

    offsets: NDArray[np.int64]
    parts: NDArray[np.int32]
    lines: NDArray[np.int32]
    line_counts: NDArray[np.int64]
    ends: NDArray[np.int64] | None = None

    def between(self, first: int, past: int) -> Lines:
        """The records from number `first` up to `past`, which is left out."""
        return Lines(
            self.offsets[first : past + 1],
            self.parts[first:past],
            self.lines[first:past],
            self.line_counts,
            None if self.ends is None else self.ends[first:past],
        )

    def per_part(self) -> NDArray[np.int64]:
        """How many of the records each part has."""
        return np.bincount(self.parts, minlength=len(self.line_counts))

    def spans(self, data: NDArray[np.uint8], records: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Where some of the records, those of `data`, begin and end."""
        begins = self.offsets[records]
        if self.ends is not None:
            return begins, self.ends[records]
        ends = np.empty(len(records), np.int64)
        call("find_ends", data, len(records), begins, self.offsets[records + 1], ends)
        return begins, ends


def split(data: NDArray[np.uint8], size: int, starts: NDArray[np.int64], form: TextForm = LINES) -> Lines:
    """The records in `data[:size]`, whose parts begin at `starts`; PADDING bytes follow them.

    Every part holds whole records. Lines of nothing but spaces, tabs and carriage returns are no records, nor
    are empty lines of CSV, nor what is between the values of a document.
    """
    room = size // SHORT_RECORD + 16
    while True:
        found = Lines(
            offsets=np.empty(room + 1, np.int64),
            parts=np.empty(room, np.int32),
            lines=np.empty(room, np.int32),
            line_counts=np.zeros(len(starts), np.int64),
            ends=None if form.kind == "ndjson" else np.empty(room, np.int64),
        )
        records = _split(data, size, starts, form, room, found)
        if records >= 0:
            return found.between(0, records)
        room *= 4


def _split(
    data: NDArray[np.uint8], size: int, starts: NDArray[np.int64], form: TextForm, room: int, found: Lines
) -> int:
    """The number of records, which are in `found` then; -1 where it has not room for them all."""
    block = data, size, starts, len(starts)
    begins = [found.offsets] if found.ends is None else [found.offsets, found.ends]
    outputs = *begins, found.parts, found.lines, room, found.line_counts
    match form.kind:
        case "ndjson":
            return call("split_lines", *block, *outputs)
        case "json":
            return call("split_document", *block, *outputs)
        case "csv":
            return call("split_cells", *block, ord(form.delimiter), ord(form.quote), *outputs)


def as_lines(data: NDArray[np.uint8], found: Lines) -> NDArray[np.uint8]:
    """A copy of the text of a document in which each of its values is a line."""
    size = int(found.offsets[-1])
    text = np.empty(size + 2 * PADDING, np.uint8)
    call("line_up", data, size, text, len(found.parts), found.offsets, found.ends)
    text[size:] = 0
    return text
