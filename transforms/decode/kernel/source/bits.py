"""Sixty-four bytes at a time, as the bits of a word: bit i is about byte i.

Each takes an address with 64 readable bytes. How masks of quotes become masks of strings is told by Langdale
and Lemire, "Parsing Gigabytes of JSON per Second" (https://arxiv.org/abs/1902.08318).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from transforms.decode.kernel.source.compiled import compiled
from transforms.decode.kernel.source.memory import BYTE, WORD

LANES = ir.VectorType(BYTE, 64)

NONE, ONE = np.uint64(0), np.uint64(1)
EVERY = np.uint64(0xFFFFFFFFFFFFFFFF)
ODD = np.uint64(0xAAAAAAAAAAAAAAAA)
LAST = np.uint64(63)


def _lanes(builder: Any, address: Any) -> Any:
    value = builder.load(builder.inttoptr(address, LANES.as_pointer()))
    value.align = 1
    return value


def _splat(byte: int) -> Any:
    return ir.Constant(LANES, [byte] * 64)


def _equal(builder: Any, lanes: Any, others: Any) -> Any:
    return builder.bitcast(builder.icmp_signed("==", lanes, others), WORD)


def _bracket_bits(builder: Any, address: Any, curly: int) -> Any:
    """In ASCII, a square bracket is the curly one without bit 5."""
    return _equal(builder, builder.or_(_lanes(builder, address), _splat(0x20)), _splat(curly))


@intrinsic
def equal_bits(_context: Any, _address: Any, _byte: Any) -> Any:
    """Which bytes are equal to a given one."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        address, byte = arguments
        single = builder.insert_element(
            ir.Constant(LANES, ir.Undefined), builder.trunc(byte, BYTE), ir.Constant(ir.IntType(32), 0)
        )
        first = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        every = builder.shuffle_vector(single, ir.Constant(LANES, ir.Undefined), first)
        return _equal(builder, _lanes(builder, address), every)

    return types.uint64(types.int64, types.int64), code


@intrinsic
def opening_bits(_context: Any, _address: Any) -> Any:
    """Which bytes are `{` or `[`."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _bracket_bits(builder, arguments[0], 0x7B)

    return types.uint64(types.int64), code


@intrinsic
def closing_bits(_context: Any, _address: Any) -> Any:
    """Which bytes are `}` or `]`."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _bracket_bits(builder, arguments[0], 0x7D)

    return types.uint64(types.int64), code


@intrinsic
def copy_softened(_context: Any, _to: Any, _at: Any) -> Any:
    """Copies 64 bytes to one address from another, carriage returns for newlines."""

    def code(target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        to, at = arguments
        lanes = _lanes(builder, at)
        newlines = builder.icmp_signed("==", lanes, _splat(0x0A))
        softened = builder.select(newlines, _splat(0x0D), lanes)
        builder.store(softened, builder.inttoptr(to, LANES.as_pointer())).align = 1
        return target.get_dummy_value()

    return types.none(types.int64, types.int64), code


@intrinsic
def count_bits(_context: Any, _mask: Any) -> Any:
    """How many bits are set."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), code


@intrinsic
def lowest_bit(_context: Any, _mask: Any) -> Any:
    """The number of the lowest bit that is set; undefined where none is."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), code


@intrinsic
def highest_bit(_context: Any, _mask: Any) -> Any:
    """The number of the highest bit that is set; undefined where none is."""

    def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.sub(ir.Constant(WORD, 63), zeros)

    return types.int64(types.uint64), code


@compiled
def odd_from(bits):
    """Bit i is set where an odd number of the bits 0 to i are."""
    bits ^= bits << ONE
    bits ^= bits << np.uint64(2)
    bits ^= bits << np.uint64(4)
    bits ^= bits << np.uint64(8)
    bits ^= bits << np.uint64(16)
    return bits ^ (bits << np.uint64(32))


@compiled
def escaped_bits(backslashes, carry):
    """(which bytes follow a backslash that counts, whether the byte behind the last one does).

    A backslash counts unless it follows one that counts. `carry`, 0 or 1, is that of the bytes before.
    """
    if backslashes == NONE:
        return carry, NONE
    begins = backslashes & ~carry
    ends = (((begins << ONE) | ODD) - begins) ^ ODD
    return ends ^ (backslashes | carry), (ends & backslashes) >> LAST
