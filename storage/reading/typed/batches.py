"""Record batches of any size as validated pieces of about one size, which a stream can carry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from storage.reading.typed.failure import UnreadableError

_PLAIN = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}


def pieces(batch: pa.RecordBatch, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of `batch` in order, in pieces of about `batch_bytes`, but at least one row, in memory.

    Views become plain strings: a piece of them would drag the bytes of all rows along.

    Raises:
        pa.ArrowInvalid: A piece is not valid; the ones before it were given.
        UnreadableError: A column holds list views, which pyarrow cannot turn into lists.
    """
    sound = _is_valid(batch)
    schema = pa.schema([_plain_field(field) for field in batch.schema], batch.schema.metadata)
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


def _plain_field(field: Any) -> Any:
    return field.with_type(_plain(field.type))


def _plain(kind: Any) -> Any:
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        raise UnreadableError("unsupported_schema", f"a column of {kind}")
    if pa.types.is_struct(kind):
        return pa.struct([_plain_field(field) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(_plain_field(kind.value_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain_field(kind.value_field))
    return _PLAIN.get(kind, kind)
