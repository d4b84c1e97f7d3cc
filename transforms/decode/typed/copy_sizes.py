"""How long copies of rows would be, without making them: many rows may have one long text in common."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.decode.typed.plain import (
    Slots,
    branches_of,
    elements_of,
    fields_of,
    is_bytes,
    is_list,
    is_text,
    numbers_of,
    valid_slots,
    words_of,
)

_VALUE_BYTES = 4
_NAME_BYTES = 4
"""Quotes, colon and comma."""


def copy_sizes(batch: pa.RecordBatch) -> Slots:
    """About how many bytes the copy of each row has: all of its text, but neither escapes nor base64."""
    return _members(batch.schema.names, batch.columns, batch.num_rows)


def parts(sizes: Slots, part_bytes: int) -> Iterator[tuple[int, int]]:
    """Neighbouring rows whose sizes come to at most `part_bytes`, or single ones: (the first, how many)."""
    ends, first = np.cumsum(sizes), 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        past = max(first + 1, int(np.searchsorted(ends, before + part_bytes, side="right")))
        yield first, past - first
        first = past


def _members(names: list[str], values: list[pa.Array], count: int) -> Slots:
    sizes = np.full(count, 2, np.int64)
    for name, value in zip(names, values, strict=True):
        if value.null_count == count:
            continue
        found = _sizes(value)
        sizes += np.where(found > 0, found + len(name) + _NAME_BYTES, 0)
    return sizes


def _sizes(array: pa.Array) -> Slots:
    """The bytes of each value; 0 where there is none."""
    while isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if (words := words_of(array)) is not None:
        return _of_words(*words)
    kind = array.type
    if pa.types.is_null(kind):
        return np.zeros(len(array), np.int64)
    if pa.types.is_union(kind):
        return _of_branches(array)
    sizes, valid = _plain_sizes(array), valid_slots(array)
    return sizes if valid is None else np.where(valid, sizes, 0)


def _plain_sizes(array: pa.Array) -> Slots:
    if pa.types.is_struct(array.type):
        return _members([field.name for field in array.type], fields_of(array), len(array))
    if is_list(array.type):
        counts, elements = elements_of(array)
        below = np.concatenate([np.zeros(1, np.int64), np.cumsum(_sizes(elements) + 1)])
        ends = np.cumsum(counts)
        sizes: Slots = below[ends] - below[ends - counts] + 2
        return sizes
    if is_text(array.type) or is_bytes(array.type):
        return _lengths(array) + 2
    return np.full(len(array), _VALUE_BYTES, np.int64)


def _lengths(array: pa.Array) -> Slots:
    if pa.types.is_string_view(array.type) or pa.types.is_binary_view(array.type):
        views = np.ascontiguousarray(numbers_of(array, "V16"))
        return np.frombuffer(views, np.int32).reshape(-1, 4)[:, 0].astype(np.int64)
    lengths = pc.fill_null(pc.binary_length(array).cast(pa.int64()), 0)
    found: Slots = lengths.to_numpy(zero_copy_only=False)
    return found


def _of_words(values: pa.Array, slots: pa.Array) -> Slots:
    sizes = np.concatenate([_sizes(values), np.zeros(1, np.int64)])
    places: Slots = pc.fill_null(slots.cast(pa.int64()), len(values)).to_numpy(zero_copy_only=False)
    return sizes[places]


def _of_branches(array: pa.Array) -> Slots:
    sizes = np.zeros(len(array), np.int64)
    for slots, branch in branches_of(array):
        sizes[slots] = _sizes(branch)
    return sizes
