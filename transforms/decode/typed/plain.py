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

Slots = NDArray[np.int64]
TEXT, BYTES = pa.large_string(), pa.large_binary()
JSON, UUID = "arrow.json", "arrow.uuid"
"""The extension types of text that is JSON, and of UUIDs."""


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


def is_extension(kind: pa.DataType, name: str) -> bool:
    """Whether a type is the extension type of this name."""
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == name


def plain(array: pa.Array) -> pa.Array:
    """The same values without extension, dictionary or run-end types around them."""
    array = unencoded(array)
    while isinstance(array.type, pa.BaseExtensionType):
        array = unencoded(array.storage)
    return array


def unencoded(array: pa.Array) -> pa.Array:
    """The same values without dictionary or run-end types around them; UUIDs and JSON stay such."""
    while (words := words_of(array)) is not None:
        array = looked_up(*words)
    return array


def words_of(array: pa.Array) -> tuple[pa.Array, pa.Array] | None:
    """(values, which of them is in each slot) of a dictionary or of runs; None of other arrays."""
    if pa.types.is_dictionary(array.type):
        return array.dictionary, array.indices
    if not pa.types.is_run_end_encoded(array.type):
        return None
    slots = np.arange(array.offset, array.offset + len(array))
    return array.values, pa.array(np.searchsorted(np.asarray(array.run_ends), slots, side="right"))


def looked_up(values: pa.Array, slots: pa.Array) -> pa.Array:
    """The values of some slots, UUIDs and JSON as such; null for a null slot. No text is copied."""
    values = unencoded(values)
    bare = plain(values)
    if is_text(bare.type) or pa.types.is_binary(bare.type) or pa.types.is_large_binary(bare.type):
        return _marked(values.type, _shared(bare, slots))
    return picked(values, slots)


def picked(array: pa.Array, slots: pa.Array) -> pa.Array:
    """The values of some slots; null for a null slot.

    Arrow's `take` knows neither views nor run-ends: what has parts is put together again.
    """
    array, types = unencoded(array), pa.types
    if isinstance(array.type, pa.BaseExtensionType):
        return _marked(array.type, picked(array.storage, slots))
    if types.is_string_view(array.type) or types.is_binary_view(array.type):
        return _shared(array, slots)
    if not types.is_nested(array.type) or types.is_union(array.type):
        return array.take(slots)
    valid, places = found_slots(array, slots)
    if types.is_struct(array.type):
        children = [picked(child, slots) for child in fields_of(array)]
        names = [field.name for field in array.type]
        if not names:
            return array.take(slots)
        return pa.StructArray.from_arrays(children, names, mask=pa.array(~valid))
    counts, elements = elements_of(array)
    some = np.zeros(len(slots), np.int64)
    some[valid], chosen = chosen_elements(counts, places[valid])
    offsets, below = np.concatenate([[0], np.cumsum(some)]), picked(elements, pa.array(chosen))
    if types.is_map(array.type):
        return pa.MapArray.from_arrays(
            pa.array(offsets, pa.int32()), *fields_of(below), mask=pa.array(~valid)
        )
    return pa.LargeListArray.from_arrays(pa.array(offsets), below, mask=pa.array(~valid))


def found_slots(array: pa.Array, slots: pa.Array) -> tuple[NDArray[np.bool_], Slots]:
    """(whether there is a value in some slots, the slots with 0 for null)."""
    places = pc.fill_null(slots, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    valid = slots.is_valid().to_numpy(zero_copy_only=False).copy()
    known = valid_slots(array)
    if known is not None and len(known):
        valid &= known[places]
    return valid, places


def chosen_elements(counts: Slots, lists: Slots) -> tuple[Slots, Slots]:
    """(how many elements the lists in some slots have, the slots of these elements)."""
    starts = np.cumsum(counts) - counts
    some = counts[lists]
    return some, np.repeat(starts[lists] - (np.cumsum(some) - some), some) + np.arange(some.sum())


def elements_of(array: pa.Array) -> tuple[Slots, pa.Array]:
    """(how many elements each list has, all of them in order); none where a list is null."""
    if pa.types.is_map(array.type):
        entry = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
        array = _as_lists(array, entry)
    counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        return counts, pc.list_flatten(array)
    offsets = array.offsets.to_numpy()
    if offsets[-1] - offsets[0] == counts.sum():
        return counts, array.values[int(offsets[0]) : int(offsets[-1])]
    ends = np.cumsum(counts)
    chosen = np.repeat(offsets[:-1] - (ends - counts), counts) + np.arange(counts.sum())
    return counts, picked(array.values, pa.array(chosen))


def fields_of(array: pa.Array) -> list[pa.Array]:
    """The fields of structs, null where the struct is.

    Arrow's `flatten` ends the process over a field that is a union, and forgets the nulls of runs.
    """
    children = [array.field(number) for number in range(array.type.num_fields)]
    valid = valid_slots(array)
    return children if valid is None else [_where(child, valid) for child in children]


def _where(array: pa.Array, valid: NDArray[np.bool_]) -> pa.Array:
    """The values in the valid slots; null in the others."""
    bare = plain(array)
    if pa.types.is_union(bare.type):
        return _union_where(bare, valid)
    if pa.types.is_run_end_encoded(array.type):
        return picked(array, pa.array(np.arange(len(array)), mask=~valid))
    around = pa.struct([pa.field("", array.type)])
    return pa.Array.from_buffers(around, len(array), [validity(valid)], children=[array]).flatten()[0]


def _union_where(array: pa.Array, valid: NDArray[np.bool_]) -> pa.Array:
    """The same union, its values side by side behind a null, which the slots that are not valid have."""
    codes, places, children = numbers_of(array, "int8"), np.zeros(len(array), np.int32), []
    for slots, branch in branches_of(array):
        places[slots] = np.arange(1, len(slots) + 1)
        children.append(
            picked(branch, pa.array(np.arange(-1, len(branch)), mask=np.arange(len(branch) + 1) == 0))
        )
    names = [array.type.field(number).name for number in range(array.type.num_fields)]
    places = np.where(valid, places, np.int32(0))
    return pa.UnionArray.from_dense(pa.array(codes), pa.array(places), children, names, array.type.type_codes)


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


def _marked(kind: pa.DataType, array: pa.Array) -> pa.Array:
    """Values of an extension type that is known here as such again, others as they are stored."""
    if is_extension(kind, JSON):
        return pa.ExtensionArray.from_storage(pa.json_(array.type), array)
    return pa.ExtensionArray.from_storage(kind, array) if is_extension(kind, UUID) else array


def _shared(values: pa.Array, slots: pa.Array) -> pa.Array:
    """Text or bytes as views, so that a long value used often is there once."""
    view = pa.string_view() if is_text(values.type) else pa.binary_view()
    values = values.cast(view)
    _, items, *texts = values.buffers()
    views = np.frombuffer(items or b"", np.uint64).reshape(-1, 2)[values.offset :]
    valid, places = found_slots(values, slots)
    chosen = views[places] if len(values) else np.zeros((len(slots), 2), np.uint64)
    buffers = [validity(valid), pa.py_buffer(np.ascontiguousarray(chosen)), *texts]
    return pa.Array.from_buffers(view, len(slots), buffers)


def _valid_branches(array: pa.Array) -> NDArray[np.bool_]:
    flags = np.zeros(len(array), np.bool_)
    for slots, branch in branches_of(array):
        known = valid_slots(plain(branch))
        flags[slots] = True if known is None else known
    return flags


def branches_of(array: pa.Array) -> list[tuple[Slots, pa.Array]]:
    """The types that a union is made of: which slots are of each, and their values."""
    codes = numbers_of(array, "int8")  # `type_codes` and `offsets` forget where a slice begins
    dense = array.type.mode == "dense"
    found = []
    for number, code in enumerate(array.type.type_codes):
        slots = np.flatnonzero(codes == code)
        places = _items(array, 2, "int32")[slots] if dense else slots
        found.append((slots, picked(array.field(number), pa.array(places))))
    return found
