"""How many values rows stand for: a column of nulls takes no bytes, however long its lists are."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def slots_of(batch: pa.RecordBatch) -> int:
    """The slots of all its arrays, nested ones too; those in dictionaries and runs not."""
    return sum(map(_slots, batch.columns))


def _slots(array: Any) -> int:
    if isinstance(array.type, pa.BaseExtensionType):
        return _slots(array.storage)
    return len(array) + sum(map(_slots, _inner(array)))


def _inner(array: Any) -> list[Any]:
    """Without what lies outside of a slice; the branches of a union as a whole."""
    kind = array.type
    if pa.types.is_struct(kind) or pa.types.is_union(kind):
        return [array.field(number) for number in range(kind.num_fields)]
    if pa.types.is_fixed_size_list(kind):
        return [array.values.slice(array.offset * kind.list_size, len(array) * kind.list_size)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        return [array.values.slice(_offset(array, 0), _offset(array, len(array)) - _offset(array, 0))]
    return []


def _offset(array: Any, number: int) -> int:
    offset: int = array.offsets[number].as_py()  # row objects allowed: one number
    return offset
