"""What Arrow data takes in memory: `memory(array_or_table)`."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pyarrow as pa

from storage.buffers.columns import column_of
from storage.buffers.sizes import ColumnMemory, Memory
from storage.buffers.spans import Seen


def memory(data: Any, seen: Seen | None = None) -> Memory:
    """What an Arrow array, chunked array, record batch or table takes; looks at offsets, never at values.

    `pa.array` of 10,000,000 int64 with nulls: 80,000,000 bytes of values and 1,250,000 of validity.

    Against `nbytes` of pyarrow: that leaves out the last offset of each offsets buffer, counts what is shared
    each time, and counts the long texts of a view array as a whole.

    Args:
        data: `pyarrow.Array`, `ChunkedArray`, `RecordBatch` or `Table`.
        seen: What was counted before and is still in memory; what is counted now is added to it.

    Raises:
        TypeError: It is none of these.
    """
    seen = Seen() if seen is None else seen
    if isinstance(data, pa.Array | pa.ChunkedArray):
        return Memory((_column("", data.type, data, seen),))
    if isinstance(data, pa.RecordBatch | pa.Table):
        columns = zip(data.schema, data.columns, strict=True)
        return Memory(tuple(_column(field.name, field.type, one, seen) for field, one in columns))
    raise TypeError(f"Arrow data is expected, not {type(data).__name__}")


def _column(name: str, kind: Any, data: Any, seen: Seen) -> ColumnMemory:
    chunks = data.chunks if isinstance(data, pa.ChunkedArray) else [data]
    found = [column_of(name, chunk, seen) for chunk in chunks or [pa.array([], kind)]]
    return reduce(ColumnMemory.__add__, found)
