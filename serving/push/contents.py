"""What tells two pushed batches apart: a hash of their columns, types and rows in order.

How the rows were cut into record batches, what lies under nulls, and the words of dictionaries do not matter:
a client that repeats a batch may send it in other pieces.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.decode.typed.plain import (
    BYTES,
    branches_of,
    elements_of,
    fields_of,
    is_bytes,
    is_list,
    is_text,
    numbers_of,
    plain,
    valid_slots,
)


class Contents:
    """The hash of what was added so far; each column, and each part of one, has a hash of its own."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = pa.schema([pa.field(one.name, one.type) for one in schema])
        self._hashes: dict[str, Any] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """More rows; the batch was validated in full."""
        for number, column in enumerate(batch.columns):
            self._add(f"{number}", column)

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        whole = hashlib.sha256(self._schema.to_string(show_field_metadata=False).encode())
        for name, one in sorted(self._hashes.items()):
            whole.update(f"\n{name} {one.hexdigest()}".encode())
        return whole.hexdigest()

    def _add(self, name: str, array: pa.Array) -> None:
        array = plain(array)
        valid = valid_slots(array)
        flags = np.ones(len(array), np.bool_) if valid is None else valid
        self._update(f"{name} valid", flags)
        kind = array.type
        if pa.types.is_union(kind):
            self._add_branches(name, array)
        elif pa.types.is_struct(kind):
            for number, child in enumerate(fields_of(array)):
                self._add(f"{name}.{number}", child)
        elif is_list(kind):
            counts, elements = elements_of(array)
            self._update(f"{name} counts", counts)
            self._add(f"{name}[]", elements)
        elif is_text(kind) or (is_bytes(kind) and not pa.types.is_fixed_size_binary(kind)):
            texts = array.cast(BYTES)
            self._add_texts(name, texts if valid is None else texts.drop_null())
        elif not pa.types.is_null(kind):
            self._update(f"{name} values", _values(array, flags))

    def _add_branches(self, name: str, array: pa.Array) -> None:
        self._update(f"{name} codes", numbers_of(array, "int8"))
        for number, (_, branch) in enumerate(branches_of(array)):
            self._add(f"{name}|{number}", branch)

    def _add_texts(self, name: str, array: pa.Array) -> None:
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets or b"", np.int64)[array.offset : array.offset + len(array) + 1]
        if len(array):
            self._update(f"{name} sizes", np.diff(bounds))
            self._update(f"{name} values", np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]])

    def _update(self, name: str, data: NDArray[Any]) -> None:
        if name not in self._hashes:
            self._hashes[name] = hashlib.sha256()
        self._hashes[name].update(np.ascontiguousarray(data).data)


def _values(array: pa.Array, valid: NDArray[np.bool_]) -> NDArray[Any]:
    """The values of a fixed width, one a row; zeros for null."""
    if pa.types.is_boolean(array.type):
        return array.fill_null(False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    width = array.type.bit_width // 8
    if not len(array) or not width:
        return np.empty(0, np.uint8)
    items = np.frombuffer(array.buffers()[1], np.uint8)[array.offset * width :]
    rows = items[: len(array) * width].reshape(len(array), width)
    return rows if valid.all() else np.where(valid[:, None], rows, np.uint8(0))
