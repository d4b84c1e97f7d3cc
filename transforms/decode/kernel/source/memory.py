"""Raw loads for the kernel, as LLVM instructions.

Each takes an address; the caller owns the memory and at least 16 bytes beyond what it asks about
(`PADDING` zero bytes follow every block). Arrays are made of addresses once, at an entry point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types  # type: ignore[attr-defined]  # numba exports carray all the same
from numba.extending import intrinsic

from transforms.decode.kernel.source.compiled import compiled

BYTE, WORD = ir.IntType(8), ir.IntType(64)
LANES = ir.VectorType(BYTE, 16)


def _load(builder: Any, address: Any, kind: Any) -> Any:
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = 1
    return value


def _mask(builder: Any, lanes: Any) -> Any:
    return builder.zext(builder.bitcast(lanes, ir.IntType(16)), WORD)


def _splat(byte: int) -> Any:
    return ir.Constant(LANES, [byte] * 16)


@intrinsic
def load_byte(_context: Any, _address: Any) -> Any:
    """The byte at an address, as int64."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.zext(_load(builder, arguments[0], BYTE), WORD)

    return types.int64(types.int64), code


@intrinsic
def load_word(_context: Any, _address: Any) -> Any:
    """The eight bytes at an address, little-endian, as uint64."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _load(builder, arguments[0], WORD)

    return types.uint64(types.int64), code


@intrinsic
def load_item(_context: Any, _table: Any, _index: Any) -> Any:
    """Item `index` of the int64 array at address `table`."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        table, index = arguments
        return _load(builder, builder.add(table, builder.shl(index, ir.Constant(WORD, 3))), WORD)

    return types.int64(types.int64, types.int64), code


@intrinsic
def store_byte(_context: Any, _address: Any, _value: Any) -> Any:
    """Writes the low byte of a value to an address."""

    def code(target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], BYTE.as_pointer())
        builder.store(builder.trunc(arguments[1], BYTE), pointer)
        return target.get_dummy_value()

    return types.none(types.int64, types.int64), code


@intrinsic
def copy_sixteen(_context: Any, _to: Any, _at: Any) -> Any:
    """Copies 16 bytes to one address from another."""

    def code(target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        to, at = arguments
        store = builder.store(_load(builder, at, LANES), builder.inttoptr(to, LANES.as_pointer()))
        store.align = 1
        return target.get_dummy_value()

    return types.none(types.int64, types.int64), code


@intrinsic
def string_stops(_context: Any, _address: Any) -> Any:
    """Bit i is set where byte i of the next 16 ends a run of plain text: `"`, `\\`, control or non-ASCII.

    One signed comparison finds both control characters and bytes from 0x80 up.
    """

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        lanes = _load(builder, arguments[0], LANES)
        quote = builder.icmp_signed("==", lanes, _splat(0x22))
        backslash = builder.icmp_signed("==", lanes, _splat(0x5C))
        other = builder.icmp_signed("<", lanes, _splat(0x20))
        return _mask(builder, builder.or_(builder.or_(quote, backslash), other))

    return types.int64(types.int64), code


@intrinsic
def newline_stops(_context: Any, _address: Any) -> Any:
    """Bit i is set where byte i of the next 16 is a newline."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _mask(builder, builder.icmp_signed("==", _load(builder, arguments[0], LANES), _splat(0x0A)))

    return types.int64(types.int64), code


def _lanes_of(builder: Any, byte: Any) -> Any:
    undefined = ir.Constant(LANES, ir.Undefined)
    place = ir.IntType(32)
    single = builder.insert_element(undefined, builder.trunc(byte, BYTE), ir.Constant(place, 0))
    return builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(place, 16), [0] * 16))


@intrinsic
def cell_stops(_context: Any, _address: Any, _delimiter: Any, _quote: Any) -> Any:
    """Bit i is set where byte i of the next 16 may end a cell: delimiter, quote, below 0x0E or non-ASCII."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        lanes = _load(builder, arguments[0], LANES)
        delimiter = builder.icmp_signed("==", lanes, _lanes_of(builder, arguments[1]))
        quote = builder.icmp_signed("==", lanes, _lanes_of(builder, arguments[2]))
        other = builder.icmp_signed("<", lanes, _splat(0x0E))
        return _mask(builder, builder.or_(builder.or_(delimiter, quote), other))

    return types.int64(types.int64, types.int64, types.int64), code


@intrinsic
def quote_stops(_context: Any, _address: Any, _quote: Any) -> Any:
    """Bit i is set where byte i of the next 16 is the quote or non-ASCII."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        lanes = _load(builder, arguments[0], LANES)
        quote = builder.icmp_signed("==", lanes, _lanes_of(builder, arguments[1]))
        return _mask(builder, builder.or_(quote, builder.icmp_signed("<", lanes, _splat(0))))

    return types.int64(types.int64, types.int64), code


@intrinsic
def trailing_zeros(_context: Any, _mask_: Any) -> Any:
    """The number of the lowest bit that is set; undefined for 0."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), code


@intrinsic
def _pointer(_context: Any, _address: Any) -> Any:
    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], BYTE.as_pointer())

    return types.voidptr(types.int64), code


@compiled
def bytes_at(address, count):
    """`count` uint8 at an address, as an array."""
    return carray(_pointer(address), count, np.uint8)


@compiled
def ints_at(address, count):
    """`count` int32 at an address, as an array."""
    return carray(_pointer(address), count, np.int32)


@compiled
def longs_at(address, count):
    """`count` int64 at an address, as an array."""
    return carray(_pointer(address), count, np.int64)


@compiled
def words_at(address, count):
    """`count` uint64 at an address, as an array."""
    return carray(_pointer(address), count, np.uint64)


@compiled
def doubles_at(address, count):
    """`count` float64 at an address, as an array."""
    return carray(_pointer(address), count, np.float64)
