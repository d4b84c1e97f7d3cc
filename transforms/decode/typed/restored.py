"""Rows of typed files out of their copies in JSON, as the files had them, so that their rules hold again.

A row counts as restored where its copy, made anew, is the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from config.pipeline import Contract
from transforms.decode.arrow import structs
from transforms.decode.decoder import Decoder
from transforms.decode.typed.assembly import depth
from transforms.decode.typed.copied_types import bare_type, column_of, original
from transforms.decode.typed.copies import copies
from transforms.decode.typed.fitted import Mask
from transforms.decode.typed.json_text import DEEPEST

_DEEPEST = 2 * DEEPEST
"""Brackets in a copy: those of its types, and those of a document in it."""


def restored(
    schema: pa.Schema, data: NDArray[np.uint8], offsets: NDArray[np.int64], max_nesting: int
) -> Iterator[tuple[pa.RecordBatch, Mask]]:
    """The rows, and which of them are what they were; the others are void.

    Lazy: yields them in order, some at a time, at least one.

    Args:
        schema: Of the file. Rows of one whose names are there twice cannot be told.
        data: The copies, ended by newlines, then PADDING zeros; copy r begins at `offsets[r]`.
        max_nesting: Values of types with more levels than that are not restored.
    """
    columns = tuple(column_of(field) for field in schema)
    reader = Decoder(Contract.model_construct(columns=columns, on_new_column="fail"), _DEEPEST)
    known = not _has_twins(schema)
    first = 0
    for decoded in reader.decode(data, offsets):
        past = first + len(decoded.verdicts)
        batch = _batch(schema, decoded.columns, max_nesting)
        exact = (decoded.verdicts == 0) & _same(batch, data, offsets[first : past + 1])
        yield batch, exact & known
        first = past


def _batch(schema: pa.Schema, rows: pa.StructArray, max_nesting: int) -> pa.RecordBatch:
    columns = [
        pa.nulls(len(rows)) if depth(field.type) > max_nesting else original(column, field.type)
        for field, column in zip(schema, rows.flatten(), strict=True)
    ]
    return pa.RecordBatch.from_struct_array(structs(schema.names, columns, np.ones(len(rows), np.bool_)))


def _same(batch: pa.RecordBatch, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Mask:
    """Where the copy of a row is the text that it was read from, a newline behind it."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data)]
    texts = pa.Array.from_buffers(pa.large_binary(), batch.num_rows, buffers)
    again = copies(batch, np.arange(batch.num_rows))
    lines = pc.binary_join_element_wise(again, *(pa.scalar(end, again.type) for end in (b"\n", b"")))
    same: Mask = pc.equal(lines, texts).to_numpy(zero_copy_only=False)
    return same


def _has_twins(fields: Iterable[Any]) -> bool:
    fields = list(fields)
    twice = max(Counter(field.name for field in fields).values(), default=0) > 1
    return twice or any(_has_twins(_below(field.type)) for field in fields)


def _below(kind: pa.DataType) -> list[Any]:
    kind = bare_type(kind)
    if isinstance(kind, pa.BaseExtensionType) or pa.types.is_union(kind):
        return []
    return [kind.field(number) for number in range(kind.num_fields)]
