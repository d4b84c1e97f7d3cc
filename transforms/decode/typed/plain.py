"""Arrow arrays without their encodings: extension, dictionary and run-end types as the values they stand for.

Also how to reach the elements of every kind of list. Nothing here casts between kinds of list: for list views
whose elements are out of order, pyarrow 26 casts to other elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.decode.arrow import validity

TEXT, BYTES = pa.large_string(), pa.large_binary()
_VIEWS = {pa.string_view(): TEXT, pa.binary_view(): BYTES}


def is_text(kind: pa.DataType) -> bool:
    """Whether values are text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Whether values are bytes."""
    types = pa.types
    plain = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    return bool(plain or types.is_fixed_size_binary(kind))


def is_list(kind: pa.DataType) -> bool:
    """Whether values are lists; a map is one, of its entries."""
    types = pa.types
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(lists or types.is_list_view(kind) or types.is_large_list_view(kind) or types.is_map(kind))


def valid_slots(array: pa.Array) -> NDArray[np.bool_] | None:
    """Where an array without encodings has a value; None where it has one everywhere."""
    if pa.types.is_union(array.type):
        return _valid_branches(array)
    if array.null_count == 0:
        return None
    flags: NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return flags


def plain(array: pa.Array) -> pa.Array:
    """The same values without extension, dictionary or run-end types around them."""
    while True:
        kind = array.type
        if isinstance(kind, pa.BaseExtensionType):
            array = array.storage
        elif pa.types.is_dictionary(kind):
            array = _decoded(array)
        elif pa.types.is_run_end_encoded(kind):
            runs = np.asarray(array.run_ends)
            slots = np.arange(array.offset, array.offset + len(array))
            array = picked(array.values, pa.array(np.searchsorted(runs, slots, side="right")))
        else:
            return array


def picked(array: pa.Array, slots: pa.Array) -> pa.Array:
    """The values of some slots; null for a null slot. Text and bytes that are views are copied."""
    array = plain(array)
    return array.cast(_VIEWS.get(array.type, array.type)).take(slots)


def elements_of(array: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """(how many elements each list has, all of them in order); none where a list is null."""
    if pa.types.is_map(array.type):
        entry = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
        array = _as_lists(array, entry)
    counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return counts.astype(np.int64), pc.list_flatten(array)


def numbers_of(array: pa.Array, kind: str) -> NDArray[Any]:
    """The items of a fixed-width array, in its own memory; of null slots, whatever is there."""
    return _items(array, 1, kind)


def _items(array: pa.Array, buffer: int, kind: str) -> NDArray[Any]:
    if len(array) == 0:
        return np.empty(0, kind)
    return np.frombuffer(array.buffers()[buffer], kind)[array.offset : array.offset + len(array)]


def _as_lists(maps: pa.Array, entry: pa.DataType) -> pa.Array:
    """The entries of maps as lists, in the same memory."""
    flags = valid_slots(maps)
    entries = pa.StructArray.from_arrays([maps.keys, maps.items], fields=list(entry))
    offsets = np.asarray(maps.offsets).astype(np.int64)
    bits = None if flags is None else validity(flags)
    return pa.Array.from_buffers(
        pa.large_list(entry), len(maps), [bits, pa.py_buffer(offsets)], children=[entries]
    )


def _decoded(array: pa.DictionaryArray) -> pa.Array:
    values = plain(array.dictionary)
    if not (is_text(values.type) or pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
        return picked(values, array.indices)
    return _shared(values, array.indices)


def _shared(values: pa.Array, indices: pa.Array) -> pa.Array:
    """Text or bytes as views, so that a long value used often is there once."""
    view = pa.string_view() if is_text(values.type) else pa.binary_view()
    values = values.cast(view)
    bits, items, *texts = values.buffers()
    views = np.frombuffer(items or b"", np.uint64).reshape(-1, 2)[values.offset :]
    known = valid_slots(indices)
    valid = np.ones(len(indices), np.bool_) if known is None else known.copy()
    places = pc.fill_null(indices, 0).to_numpy(zero_copy_only=False)
    if bits is not None and len(values):
        valid &= values.is_valid().to_numpy(zero_copy_only=False)[places]
    chosen = views[places] if len(values) else np.zeros((len(indices), 2), np.uint64)
    buffers = [validity(valid), pa.py_buffer(np.ascontiguousarray(chosen)), *texts]
    return pa.Array.from_buffers(view, len(indices), buffers)


def _valid_branches(array: pa.Array) -> NDArray[np.bool_]:
    flags = np.zeros(len(array), np.bool_)
    for slots, branch in branches_of(array):
        known = valid_slots(plain(branch))
        flags[slots] = True if known is None else known
    return flags


def branches_of(array: pa.Array) -> list[tuple[NDArray[np.int64], pa.Array]]:
    """The types that a union is made of: which slots are of each, and their values."""
    codes = numbers_of(array, "int8")  # `type_codes` and `offsets` forget where a slice begins
    dense = array.type.mode == "dense"
    found = []
    for number, code in enumerate(array.type.type_codes):
        slots = np.flatnonzero(codes == code)
        places = _items(array, 2, "int32")[slots] if dense else slots
        found.append((slots, picked(array.field(number), pa.array(places))))
    return found
