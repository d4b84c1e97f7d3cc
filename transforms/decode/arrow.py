"""Buffers of the kernel as Arrow arrays, without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from config.column_types import (
    Binary,
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Dictionary,
    Float,
    Integer,
    Json,
    List,
    String,
    Struct,
    Time,
    Timestamp,
)

STRING_VIEW = pa.string_view()
DICTIONARY = pa.dictionary(pa.int32(), pa.large_string())


def arrow_type(kind: ColumnType) -> pa.DataType:
    """The Arrow type that values of a column type have after decoding."""
    match kind:
        case Boolean():
            return pa.bool_()
        case Integer(bits, signed):
            return pa.type_for_alias(f"{'' if signed else 'u'}int{bits}")
        case Float(bits):
            return pa.type_for_alias(f"float{bits}")
        case Decimal(precision, scale):
            return pa.decimal128(precision, scale)
        case String() | Json():
            return STRING_VIEW
        case Dictionary():
            return DICTIONARY
        case Binary():
            return pa.binary_view()
        case Date():
            return pa.date32()
        case Time():
            return pa.time64("us")
        case Timestamp(unit, zone):
            return pa.timestamp(unit, zone)
        case Struct(fields):
            return pa.struct([pa.field(field.name, arrow_type(field.type)) for field in fields])
        case List(element):
            return pa.large_list(arrow_type(element.type))


def bitmap(flags: NDArray[Any]) -> pa.Buffer:
    """Flags as bits, the first one lowest, as Arrow keeps booleans and validity."""
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def validity(valid: NDArray[Any]) -> pa.Buffer | None:
    """The validity bitmap of an array; None where every slot has a value."""
    return None if valid.all() else bitmap(valid)


def fixed_width(kind: pa.DataType, values: NDArray[Any], valid: NDArray[Any]) -> pa.Array:
    """An array over `values`, whose items are as wide as those of `kind`."""
    return pa.Array.from_buffers(kind, len(valid), [validity(valid), pa.py_buffer(values)])


def booleans(values: NDArray[Any], valid: NDArray[Any]) -> pa.Array:
    """A boolean array."""
    return pa.Array.from_buffers(pa.bool_(), len(valid), [validity(valid), bitmap(values)])


def string_views(views: NDArray[np.uint64], text: NDArray[np.uint8], valid: NDArray[Any]) -> pa.Array:
    """A string view array whose views, two words a slot, point into `text`."""
    return _views(STRING_VIEW, views, text, valid)


def binary_views(views: NDArray[np.uint64], data: NDArray[np.uint8], valid: NDArray[Any]) -> pa.Array:
    """A binary view array whose views, two words a slot, point into `data`."""
    return _views(pa.binary_view(), views, data, valid)


def strings(offsets: NDArray[np.int64], text: NDArray[np.uint8]) -> pa.Array:
    """A string array with a slot for each pair of neighbouring offsets; an empty text is null."""
    valid = validity(offsets[1:] > offsets[:-1])
    return pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [valid, pa.py_buffer(offsets), pa.py_buffer(text)]
    )


def dictionary(
    numbers: NDArray[np.int32], offsets: NDArray[np.int64], text: NDArray[np.uint8], valid: NDArray[Any]
) -> pa.Array:
    """A dictionary array over the texts between neighbouring offsets; a number for each slot."""
    texts = pa.Array.from_buffers(
        pa.large_string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    )
    return pa.DictionaryArray.from_arrays(fixed_width(pa.int32(), numbers, valid), texts)


def structs(names: list[str], children: list[pa.Array], valid: NDArray[np.bool_]) -> pa.Array:
    """A struct array; null where not `valid`."""
    kind = pa.struct([pa.field(name, child.type) for name, child in zip(names, children, strict=True)])
    return pa.Array.from_buffers(kind, len(valid), [validity(valid)], children=children)


def lists(counts: NDArray[np.int64], elements: pa.Array, valid: NDArray[np.bool_]) -> pa.Array:
    """A list array whose slots take the next `counts` elements each; null where not `valid`."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    kind = pa.large_list(elements.type)
    return pa.Array.from_buffers(
        kind, len(counts), [validity(valid), pa.py_buffer(offsets)], children=[elements]
    )


def binaries(lengths: NDArray[np.int64], data: NDArray[np.uint8]) -> pa.Array:
    """A binary array whose slots take the next `lengths` bytes of `data` each."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(
        pa.large_binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def _views(
    kind: pa.DataType, views: NDArray[np.uint64], data: NDArray[np.uint8], valid: NDArray[Any]
) -> pa.Array:
    buffers = [validity(valid), pa.py_buffer(views), pa.py_buffer(data)]
    return pa.Array.from_buffers(kind, len(valid), buffers)
