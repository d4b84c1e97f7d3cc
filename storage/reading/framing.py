"""Where the records of a file end, told while its bytes come in."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from config.text_form import LINES, TextForm

Bytes = NDArray[np.uint8]
Breach = Literal["corrupt_document", "truncated_file", "bad_header"]

_NEWLINE = b"\n"
_SEARCH_BYTES = 64 * 1024


class Framing(Protocol):
    """Finds the ends of the records of one file; keeps in mind what it has seen of the file.

    Bytes are shown as `data[start:end]`, each once, in order, first to `open`, then to one of the others.
    What was not taken out at the head, and what is behind a first end, is shown again.
    """

    @property
    def form(self) -> TextForm:
        """What a splitter must know of the records; files of one form may share a block."""

    @property
    def terminator_bytes(self) -> int:
        """How many bytes before the end of a record are no part of it."""

    def open(self, data: Bytes, start: int, end: int, /, *, ended: bool) -> tuple[Framing, int] | None:
        """How the file goes on behind its head, and how many bytes of it are no record, but taken out.

        Looks at all bytes from the head of the file up to `end`. None where it takes more to tell, which is
        never so where the file has `ended` there.
        """

    def refuse_head(self) -> Framing:
        """How the file goes on whose head is longer than any record may be."""

    def first_end(self, data: Bytes, start: int, end: int, /) -> int:
        """Where the record ends that is under way at `start`; 0 where it does not."""

    def last_end(self, data: Bytes, start: int, end: int, /) -> int:
        """Where the last whole record ends; 0 where none does."""

    def breach(self) -> Breach | None:
        """Why what follows the last whole record is none, now that the file has ended; None where it is."""


class LineFraming:
    """Records end at a newline. Keeps nothing in mind: one serves all files."""

    form = LINES
    terminator_bytes = 1

    def open(self, _data: Bytes, _start: int, _end: int, **_: bool) -> tuple[Framing, int]:
        """The head is a record like others."""
        return self, 0

    def refuse_head(self) -> Framing:
        """Never needed."""
        return self

    def first_end(self, data: Bytes, start: int, end: int) -> int:
        """Searches from the start."""
        for begin in range(start, end, _SEARCH_BYTES):
            found = data[begin : min(begin + _SEARCH_BYTES, end)].tobytes().find(_NEWLINE)
            if found >= 0:
                return begin + found + 1
        return 0

    def last_end(self, data: Bytes, start: int, end: int) -> int:
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
