"""Record batches of any size as validated pieces of about one size, which a stream can carry."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from storage.reading.typed.column_types import plain_schema
from storage.reading.typed.slots import slots_of

_SLOT_BYTES = 8
"""The least that a value takes later on, though it were a bit, or a null of no bytes at all."""


def pieces(batch: pa.RecordBatch, batch_bytes: int, most_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of `batch` in order, in pieces of about `batch_bytes`, but at least one row, in memory.

    Raises:
        MemoryError: A single row takes more than `most_bytes`; the ones before it were given.
        pa.ArrowInvalid: A piece is not valid; the ones before it were given.
        UnreadableError: There is a column that no stream can carry; see `column_types`.
    """
    schema = plain_schema(batch.schema)
    sound = _is_valid(batch)
    rows = rows_a_batch(_bytes(batch), batch.num_rows, batch_bytes)
    for start in range(0, batch.num_rows, rows):
        piece = batch.slice(start, rows)
        if rows == 1 and _bytes(piece) > most_bytes:
            raise MemoryError
        if not sound:
            piece.validate(full=True)
        yield piece if schema.equals(batch.schema) else piece.cast(schema)


def rows_a_batch(nbytes: float, rows: int, batch_bytes: int) -> int:
    """How many rows fill a batch, where `rows` of them take `nbytes`; at least 1."""
    return max(1, int(batch_bytes * rows / max(nbytes, 1)))


def _bytes(batch: pa.RecordBatch) -> int:
    nbytes: int = batch.nbytes
    return max(nbytes, slots_of(batch) * _SLOT_BYTES)


def _is_valid(batch: pa.RecordBatch) -> bool:
    """Asked once: a piece of nested columns would be validated with all that the other pieces hold.

    Raises:
        pa.ArrowInvalid: Not even the lengths are right, so that no piece can be taken.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        batch.validate()
        return False
    return True
