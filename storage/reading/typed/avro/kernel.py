"""The inner loop of Avro: rows of bytes into columns, compiled by Numba when this is imported.

A schema is a program that reads one row (`program` makes it): a list of instructions `(operation, slot,
argument)`, with jumps where a union or an array asks for them. Each instruction that reads a value has a
slot, its place among the columns. A first walk checks the rows and counts what each slot will hold, a second
one fills memory of that size. No byte is read that lies outside of the block.

The encoding: https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
"""

from __future__ import annotations

import numpy as np
from numba import boolean, int32, int64, njit, types, uint8

ROW_END, BOOLEAN, INT, LONG, FIXED, BYTES, ENUM, UNION, JUMP, ARRAY, NEXT_ITEM = range(11)
"""The operations. Arguments: FIXED: bytes; ENUM: symbols; UNION: branches; others: see `program`."""

_INT32 = 2**31
_LOOP_LIMIT = 2**31 - 1  # what the offsets of a list can count

_ROW = types.Tuple((int64, int64))
_SIGNATURE = types.Tuple((int64, int64, boolean))(
    int32[:, ::1],  # program
    types.Array(uint8, 1, "C", readonly=True),  # data
    int64,  # position
    int64,  # end
    int64,  # stop
    int64,  # rows
    int64[:, ::1],  # counts
    int64[:, ::1],  # places
    uint8[::1],  # memory
    boolean,  # fill
)


def compiled(signature):
    """Compiled now; kept for the next process where there is a folder to keep it."""

    def compile_(function):
        try:
            return njit(signature, cache=True, nogil=True)(function)
        except RuntimeError:  # what Numba says when it may write neither here nor to the user's cache
            return njit(signature, nogil=True)(function)

    return compile_


@compiled(_ROW(types.Array(uint8, 1, "C", readonly=True), int64, int64))
def _number(data, position, end):
    """The number there and the position behind it, which is -1 where there is none."""
    bits = np.uint64(0)
    for shift in range(0, 70, 7):
        if position >= end:
            return 0, -1
        byte = data[position]
        position += 1
        if shift == 63 and byte > 1:
            return 0, -1
        bits |= np.uint64(byte & 0x7F) << np.uint64(shift)
        if byte < 0x80:
            return np.int64(bits >> np.uint64(1)) ^ -np.int64(bits & np.uint64(1)), position
    return 0, -1


@compiled(_SIGNATURE)
def walk(program, data, position, end, stop, rows, counts, places, memory, fill):
    """Reads up to `rows` rows, from `position` to `end`, and no further row once it has come to `stop`.

    Args:
        counts: For each slot, added to: how many values; how many bytes they have, or items.
        places: For each slot: where in `memory` the values are, or their offsets; where the bytes are.
        fill: Whether `memory` is written.

    Returns:
        How many rows are good, the position behind them, and whether the next one is no row.
    """
    words = memory.view(np.int32)
    longs = memory.view(np.int64)
    remaining = np.zeros(len(counts), np.int64)
    for row in range(rows):
        begin = position
        if position >= stop and row > 0:
            return row, begin, False
        pc = 0
        while True:
            operation, slot, argument = program[pc, 0], program[pc, 1], program[pc, 2]
            pc += 1
            if operation == ROW_END:
                break
            if operation == JUMP:
                pc = argument
                continue
            if operation == NEXT_ITEM:
                remaining[slot] -= 1
                if remaining[slot] > 0:
                    pc = argument + 1
                    continue
                pc = argument  # the array itself: its next block of items
                operation, argument = ARRAY, program[pc, 2]
                pc += 1
            count = counts[slot, 0]
            if operation == BOOLEAN:
                if position >= end or data[position] > 1:
                    return row, begin, True
                if fill:
                    memory[places[slot, 0] + count] = data[position]
                position += 1
            elif operation == FIXED:
                if argument > end - position:
                    return row, begin, True
                if fill:
                    start = places[slot, 0] + count * argument
                    for i in range(argument):
                        memory[start + i] = data[position + i]
                position += argument
            else:
                value, position = _number(data, position, end)
                if position < 0:
                    return row, begin, True
                if operation == LONG:
                    if fill:
                        longs[(places[slot, 0] >> 3) + count] = value
                elif operation == INT:
                    if value < -_INT32 or value >= _INT32:
                        return row, begin, True
                    if fill:
                        words[(places[slot, 0] >> 2) + count] = value
                elif operation == ENUM:
                    if value < 0 or value >= argument:
                        return row, begin, True
                    if fill:
                        words[(places[slot, 0] >> 2) + count] = value
                elif operation == UNION:
                    if value < 0 or value >= argument:
                        return row, begin, True
                    if fill:
                        memory[places[slot, 0] + count] = value
                    pc = program[pc + value, 2]  # the jumps to the branches follow
                elif operation == BYTES:
                    if value < 0 or value > end - position:
                        return row, begin, True
                    if fill:
                        start = places[slot, 1] + counts[slot, 1]
                        for i in range(value):
                            memory[start + i] = data[position + i]
                        words[(places[slot, 0] >> 2) + count + 1] = counts[slot, 1] + value
                    counts[slot, 1] += value
                    position += value
                else:  # ARRAY
                    if value < 0:  # then its size in bytes follows
                        _, position = _number(data, position, end)
                        if position < 0 or value == -_INT32 * _INT32 * 2:
                            return row, begin, True
                        value = -value
                    if value > _LOOP_LIMIT - counts[slot, 1]:
                        return row, begin, True
                    if value > 0:
                        counts[slot, 1] += value
                        remaining[slot] = value
                        continue
                    if fill:
                        words[(places[slot, 0] >> 2) + count + 1] = counts[slot, 1]
                    pc = argument
            counts[slot, 0] = count + 1
    return rows, position, False
