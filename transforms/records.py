"""The records of a block, of whatever format: where each one comes from, and a copy where one is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.decode.arrow import binaries
from transforms.decode.kernel.library import call
from transforms.decode.lines import Lines

PART: Final = "_part"
LINE: Final = "_line"

NOWHERE: Final = -1
"""The offset of rows, which have none."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Copies of some records, and where they were; a slot for each.

    parts, lines: as `Records` has them.
    offsets: bytes from the start of the block, or NOWHERE.
    raw: large binary; the record as it came, without its line ending; of a row, a copy in JSON. Null where it
        is too long to be kept.
    """

    parts: NDArray[np.int32]
    lines: NDArray[np.int32]
    offsets: NDArray[np.int64]
    raw: pa.Array


class Records(Protocol):
    """Consecutive records of a block, a slot for each."""

    @property
    def parts(self) -> NDArray[np.int32]:
        """Which part of the block (a stretch of one file) each record belongs to."""

    @property
    def lines(self) -> NDArray[np.int32]:
        """Its line, or row, in that part, from 0."""

    @property
    def line_counts(self) -> NDArray[np.int64]:
        """The lines, or rows, of each part of the whole block."""

    def between(self, first: int, past: int) -> Self:
        """The records from number `first` up to `past`, which is left out."""

    def per_part(self) -> NDArray[np.int64]:
        """How many of the records each part has."""

    def copies(self, records: NDArray[np.int64]) -> Copies:
        """Copies of the records of these numbers."""


@dataclass(frozen=True)
class TextRecords:
    """Records that are spans of text: those of `lines`, in `data`."""

    data: NDArray[np.uint8]
    found: Lines

    @property
    def parts(self) -> NDArray[np.int32]:
        """See `Records`."""
        return self.found.parts

    @property
    def lines(self) -> NDArray[np.int32]:
        """See `Records`."""
        return self.found.lines

    @property
    def line_counts(self) -> NDArray[np.int64]:
        """See `Records`."""
        return self.found.line_counts

    def between(self, first: int, past: int) -> TextRecords:
        """See `Records`."""
        return TextRecords(self.data, self.found.between(first, past))

    def per_part(self) -> NDArray[np.int64]:
        """See `Records`."""
        return self.found.per_part()

    def copies(self, records: NDArray[np.int64]) -> Copies:
        """See `Records`."""
        begins, ends = self.found.spans(self.data, records)
        text = np.empty(int((ends - begins).sum()), np.uint8)
        call("copy_spans", self.data, len(records), begins, ends, text)
        return Copies(self.parts[records], self.lines[records], begins, binaries(ends - begins, text))
