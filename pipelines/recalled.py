"""Records out of the quarantine as the decoder takes them: text, and where each record of it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from storage.tables.quarantined import MARKER_SCHEMA
from transforms.decode.lines import Lines

_PADDING_BYTES = 64
_NEWLINE = ord("\n")


@dataclass(frozen=True, slots=True, eq=False)
class Recalled:
    """Some records of a batch that replays, in the order of file and record.

    data: the records, each ended by a newline; then zeros.
    size: bytes of them.
    lines: where each record is. A part is the records of one file; lines count from its first record here.
    files: for each part, the position of its file in the batch.
    before: for each part, the records of the file before the first one here, taken out or not.
    places: a row a record, as MARKER_SCHEMA has it.
    """

    data: NDArray[np.uint8]
    size: int
    lines: Lines
    files: NDArray[np.int32]
    before: NDArray[np.int64]
    places: pl.DataFrame

    def without(self, offsets: NDArray[np.int64]) -> pl.DataFrame:
        """The places of all records but those that begin at `offsets` of the data, each of which is one."""
        left = np.ones(self.places.height, np.bool_)
        left[np.searchsorted(self.lines.offsets, offsets)] = False
        return self.places.filter(pl.Series(left))


def recalled(records: pl.DataFrame) -> Recalled:
    """The same records; at least one.

    Args:
        records: Rows of RECALLED_SCHEMA, sorted by file and record.
    """
    data, offsets = _text(records["raw"])
    files, numbers = records["file"].to_numpy(), records["record"].to_numpy()
    begins = np.flatnonzero(np.diff(files, prepend=-1))
    parts = np.repeat(np.arange(len(begins), dtype=np.int32), np.diff(begins, append=len(files)))
    lines = (numbers - numbers[begins][parts]).astype(np.int32)
    return Recalled(
        data=data,
        size=int(offsets[-1]),
        lines=Lines(offsets, parts, lines, np.zeros(len(begins), np.int64)),
        files=files[begins],
        before=numbers[begins] - 1,
        places=records.select(MARKER_SCHEMA.names()),
    )


def _text(raw: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All bytes with a newline behind each record, and where each one begins; at last where the text ends."""
    array = raw.rechunk().to_arrow().cast(pa.large_binary())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    values = np.frombuffer(array.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    begins = offsets - offsets[0] + np.arange(len(offsets))
    data = np.zeros(begins[-1] + _PADDING_BYTES, np.uint8)
    is_text = np.ones(begins[-1], np.bool_)
    is_text[begins[1:] - 1] = False
    data[: begins[-1]][is_text] = values
    data[begins[1:] - 1] = _NEWLINE
    return data, begins
