"""What frames keep in memory, which their estimated size does not tell.

Text in Polars is a view into a buffer that other text shares: ten rows that are left of a million keep the
text of the million alive.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

_VIEW_BYTES = 16

Buffers = dict[int, int]
"""Address -> bytes of each buffer, so that one that several columns or frames share counts once."""


def joined_bytes(frame: pl.DataFrame) -> int:
    """About what the rows take once they are in one chunk.

    Neither the estimate nor the buffers count text that is null: all such columns share their zeros until
    chunks are joined, when each row gets a view.
    """
    return max(int(frame.estimated_size()), frame.height * sum(map(_width, frame.dtypes)))


def _width(kind: Any) -> int:
    """The bytes of a row that hold no text and no elements; about, where they are not of text."""
    if isinstance(kind, pl.Struct):
        return sum(_width(field.dtype) for field in kind.fields)
    return _VIEW_BYTES if kind in (pl.String, pl.Binary) else 1


def buffers(frame: pl.DataFrame) -> Buffers:
    """The buffers that `frame` keeps alive; copies nothing.

    By the C stream: `to_arrow` waits for Polars' threads, which are busy with the file before.
    """
    held: Buffers = {}
    for batch in pa.RecordBatchReader.from_stream(frame):
        for buffer in (one for column in batch.columns for one in column.buffers()):
            if buffer is not None:
                held[buffer.address] = max(held.get(buffer.address, 0), buffer.size)
    return held


def compacted(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows in buffers that hold nothing else; takes 0.1 s of CPU for a million nested events."""
    # The oldest layout has no views: text is copied into one buffer a column.
    copied = pl.from_arrow(trimmed(frame).to_arrow(compat_level=pl.CompatLevel.oldest()))
    assert isinstance(copied, pl.DataFrame)
    return copied


def trimmed(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows with list elements of their own; text still points where it did.

    A slice shares the elements of its lists with the whole, until chunks are joined, and whoever writes
    or copies it works through all of them.
    """
    parts = [frame, frame] if frame.height < 2 else [frame[: frame.height // 2], frame[frame.height // 2 :]]
    return pl.concat(parts, rechunk=True)[: frame.height]
