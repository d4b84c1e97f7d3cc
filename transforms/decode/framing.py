"""Where the records of documents and of texts of cells end: framings as storage wants them.

See `storage.reading.framing`, whose protocol these follow, for what their functions mean.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from config.text_form import LINES, TextForm
from transforms.decode.headers import is_header
from transforms.decode.kernel.codes import AT_CELL, BEHIND_ARRAY, BROKEN, IN_ARRAY, IN_SCALAR, LOOSE
from transforms.decode.kernel.library import call

Breach = Literal["corrupt_document", "truncated_file", "bad_header"]
Bytes = NDArray[np.uint8]
Lines = TypeVar("Lines")

_SPACE = b" \t\r\n"
_LINE_ENDINGS = b"\r\n"
_OPEN_ARRAY = b"["
_DOCUMENT = TextForm("json")


class NoFraming:
    """What follows is no record."""

    form = LINES
    terminator_bytes = 0

    def __init__(self, breach: Breach) -> None:
        self._breach = breach

    def open(self, _data: Bytes, _start: int, _end: int, **_: bool) -> tuple[NoFraming, int]:
        """There is no head."""
        return self, 0

    def refuse_head(self) -> NoFraming:
        """There is no head."""
        return self

    def first_end(self, _data: Bytes, _start: int, _end: int) -> int:
        """There is none."""
        return 0

    last_end = first_end

    def breach(self) -> Breach:
        """What is wrong."""
        return self._breach


class DocumentFraming:
    """An array of values, or values one after the other, as the head says."""

    form = _DOCUMENT
    terminator_bytes = 0

    def __init__(self) -> None:
        self._space = 0  # bytes of it at the head
        self._loose = True
        self._state = np.array([LOOSE, 0, 0, 0], np.int64)

    def open(self, data: Bytes, start: int, end: int, *, ended: bool) -> tuple[DocumentFraming, int] | None:
        """Takes out what is before the first value."""
        space, first = _head(data, start + self._space, end)
        self._space += space
        if not first and not ended:
            return None
        if first != _OPEN_ARRAY:
            return self, self._space
        self._loose, self._state[0] = False, IN_ARRAY
        return self, self._space + 1

    def refuse_head(self) -> NoFraming:
        """Nothing but white space."""
        return NoFraming("corrupt_document")

    def first_end(self, data: Bytes, start: int, end: int) -> int:
        """See the protocol."""
        return call("frame_document", data, start, end, self._state, self._loose, True)

    def last_end(self, data: Bytes, start: int, end: int) -> int:
        """See the protocol; every place between two values is the end of one."""
        return call("frame_document", data, start, end, self._state, self._loose, False)

    def breach(self) -> Breach | None:
        """An array must be closed; a number at the very end ends there."""
        if self._state[0] == BROKEN:
            return "corrupt_document"
        whole = (LOOSE, IN_SCALAR) if self._loose else (BEHIND_ARRAY,)
        return None if self._state[0] in whole else "truncated_file"


class DocumentOrLines(Generic[Lines]):
    """A document where the file begins with a bracket that opens an array, else lines."""

    form = LINES
    terminator_bytes = 1

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._space = 0

    def open(
        self, data: Bytes, start: int, end: int, *, ended: bool
    ) -> tuple[DocumentFraming | Lines, int] | None:
        """Looks for the first byte that is no white space."""
        space, first = _head(data, start + self._space, end)
        self._space += space
        if not first and not ended:
            return None
        return (
            DocumentFraming().open(data, start, end, ended=ended)
            if first == _OPEN_ARRAY
            else (self._lines, 0)
        )

    def refuse_head(self) -> Lines:
        """Blank lines, as far as can be seen."""
        return self._lines

    def first_end(self, _data: Bytes, _start: int, _end: int) -> int:
        """Not yet known."""
        return 0

    last_end = first_end

    def breach(self) -> None:
        """An empty file has none."""


class CellFraming:
    """Records of cells.

    Args:
        form: Where its header is None, all records are data; else it is that of the file, once that is known.
    """

    terminator_bytes = 1

    def __init__(self, form: TextForm) -> None:
        self.form = form
        self._characters = ord(form.delimiter), ord(form.quote)
        self._blank = self._seen = 0  # bytes at the head: of empty lines, and all
        self._state = np.array([AT_CELL], np.int64)

    def open(
        self, data: Bytes, start: int, end: int, *, ended: bool
    ) -> tuple[CellFraming | NoFraming, int] | None:
        """Takes out the header, and empty lines before it."""
        if self.form.header is None:
            return self, 0
        if self._blank == self._seen:
            rest = data[start + self._seen : end].tobytes().lstrip(_LINE_ENDINGS)
            self._blank = self._seen = end - start - len(rest)
        past = self._frame(data, start + self._seen, end, only_first=True)
        self._seen = end - start
        if not past and not ended:
            return None
        past = past or end
        return self._opened(_line(data[start + self._blank : past].tobytes()), past - start)

    def refuse_head(self) -> NoFraming:
        """A header that is too long."""
        return NoFraming("bad_header")

    def first_end(self, data: Bytes, start: int, end: int) -> int:
        """See the protocol."""
        return self._frame(data, start, end, only_first=True)

    def last_end(self, data: Bytes, start: int, end: int) -> int:
        """See the protocol."""
        return self._frame(data, start, end, only_first=False)

    def breach(self) -> None:
        """Never: a quote that nobody closes makes the rest one record."""

    def _frame(self, data: Bytes, start: int, end: int, *, only_first: bool) -> int:
        return call("frame_cells", data, start, end, self._state, *self._characters, only_first)

    def _opened(self, header: bytes, length: int) -> tuple[CellFraming | NoFraming, int]:
        form = TextForm("csv", self.form.delimiter, self.form.quote, header)
        if header and not is_header(form):
            return NoFraming("bad_header"), 0
        self.form = form
        return self, length


def _head(data: Bytes, start: int, end: int) -> tuple[int, bytes]:
    """How many bytes of white space there are, and the byte behind them; none where there is no other."""
    head = data[start:end].tobytes()
    rest = head.lstrip(_SPACE)
    return len(head) - len(rest), rest[:1]


def _line(record: bytes) -> bytes:
    return record.removesuffix(b"\n").removesuffix(b"\r")
