"""Record batches of any size as validated pieces of about one size, which a stream can carry."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from storage.reading.typed.column_types import plain_schema


def pieces(batch: pa.RecordBatch, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of `batch` in order, in pieces of about `batch_bytes`, but at least one row, in memory.

    Raises:
        pa.ArrowInvalid: A piece is not valid; the ones before it were given.
        UnreadableError: There is a column that no stream can carry; see `column_types`.
    """
    schema = plain_schema(batch.schema)
    sound = _is_valid(batch)
    rows = rows_a_batch(batch.nbytes, batch.num_rows, batch_bytes)
    for start in range(0, batch.num_rows, rows):
        piece = batch.slice(start, rows)
        if not sound:
            piece.validate(full=True)
        yield piece if schema.equals(batch.schema) else piece.cast(schema)


def rows_a_batch(nbytes: float, rows: int, batch_bytes: int) -> int:
    """How many rows fill a batch, where `rows` of them take `nbytes`; at least 1."""
    return max(1, int(batch_bytes * rows / max(nbytes, 1)))


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
