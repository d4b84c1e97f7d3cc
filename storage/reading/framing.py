"""Where the records of a file end, told while its bytes come in."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from config.text_form import LINES, TextForm

Breach = Literal["corrupt_document", "truncated_file", "bad_header"]

_NEWLINE = b"\n"
_SEARCH_BYTES = 64 * 1024


class Opening(NamedTuple):
    """How a file goes on behind its head: `length` bytes that belong to no record are taken out of it."""

    framing: Framing
    length: int


class Framing(Protocol):
    """Finds the ends of the records of one file; keeps in mind what it has seen of the file.

    Bytes are shown as `data[start:end]`, each once, in order, first to `open`, then to one of the others. What
    was taken out at the head, and what is behind a first end, counts as not seen.
    """

    @property
    def form(self) -> TextForm:
        """What a splitter must know of the records; files of one form may share a block."""

    @property
    def terminator_bytes(self) -> int:
        """How many bytes before the end of a record are no part of it."""

    def open(self, data: NDArray[np.uint8], start: int, end: int, *, ended: bool) -> Opening | None:
        """Looks at all bytes from the head of the file up to `end`; None where it takes more to tell.

        Never None where the file has `ended` there.
        """

    def refuse_head(self) -> Framing:
        """How the file goes on whose head is longer than any record may be."""

    def first_end(self, data: NDArray[np.uint8], start: int, end: int) -> int:
        """Where the record ends that is under way at `start`; 0 where it does not."""

    def last_end(self, data: NDArray[np.uint8], start: int, end: int) -> int:
        """Where the last whole record ends; 0 where none does."""

    def breach(self) -> Breach | None:
        """Why what follows the last whole record is none, now that the file has ended; None where it may be."""


class LineFraming:
    """Records end at a newline. Keeps nothing in mind: one serves all files."""

    form = LINES
    terminator_bytes = 1

    def open(self, _data: NDArray[np.uint8], _start: int, _end: int, **_: Any) -> Opening:
        """The head is a record like others."""
        return Opening(self, 0)

    def refuse_head(self) -> Framing:
        """Never needed."""
        return self

    def first_end(self, data: NDArray[np.uint8], start: int, end: int) -> int:
        """Searches from the start."""
        for begin in range(start, end, _SEARCH_BYTES):
            found = data[begin : min(begin + _SEARCH_BYTES, end)].tobytes().find(_NEWLINE)
            if found >= 0:
                return begin + found + 1
        return 0

    def last_end(self, data: NDArray[np.uint8], start: int, end: int) -> int:
        """Searches from the end."""
        for past in range(end, start, -_SEARCH_BYTES):
            begin = max(past - _SEARCH_BYTES, start)
            found = data[begin:past].tobytes().rfind(_NEWLINE)
            if found >= 0:
                return begin + found + 1
        return 0

    def breach(self) -> Breach | None:
        """Never: the last line may lack its newline."""
        return None
