"""A text of cells into records: they end at a newline that is not between quotes.

A quote opens only at the start of a cell; within quotes, two of them stand for one.
"""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.codes import AT_CELL, BEHIND_QUOTE, IN_CELL, IN_QUOTES
from transforms.decode.kernel.source.bits import (
    EVERY,
    LAST,
    NONE,
    ONE,
    equal_bits,
    highest_bit,
    lowest_bit,
    odd_from,
)
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.memory import ints_at, load_byte, longs_at

NEWLINE, RETURN = 0x0A, 0x0D


@compiled
def phase_behind(phase, byte, delimiter, quote):
    """The phase behind a byte."""
    if phase == IN_QUOTES:
        return BEHIND_QUOTE if byte == quote else IN_QUOTES
    if byte == quote and phase != IN_CELL:
        return IN_QUOTES
    return AT_CELL if byte == delimiter or byte == NEWLINE else IN_CELL


@compiled
def step_through(at, count, phase, delimiter, quote):
    """As `record_ends`, a byte at a time."""
    ends = NONE
    for i in range(count):
        byte = load_byte(at + i)
        phase = phase_behind(phase, byte, delimiter, quote)
        if byte == NEWLINE and phase == AT_CELL:
            ends |= ONE << np.uint64(i)
    return ends, phase


@compiled
def record_ends(at, count, phase, delimiter, quote):
    """(which of the next `count` bytes, 64 at most, end a record; the phase behind them)."""
    if count < 64:
        return step_through(at, count, phase, delimiter, quote)
    quotes, newlines = equal_bits(at, quote), equal_bits(at, NEWLINE)
    separators = newlines | equal_bits(at, delimiter)
    inside = odd_from(quotes)
    if phase == IN_QUOTES:
        inside ^= EVERY
    # Each second quote opens, or is the second of two within quotes; any other is out of place.
    starts = (separators | quotes) << ONE
    if phase == AT_CELL or phase == BEHIND_QUOTE:
        starts |= ONE
    if quotes & inside & ~starts != NONE:
        return step_through(at, count, phase, delimiter, quote)
    if inside >> LAST != NONE:
        phase = IN_QUOTES
    elif quotes >> LAST != NONE:
        phase = BEHIND_QUOTE
    else:
        phase = AT_CELL if separators >> LAST != NONE else IN_CELL
    return newlines & ~inside, phase


@entry
def frame_cells(block, start, end, state, delimiter, quote, only_first):
    """Goes on through a text of cells with the bytes `block[start:end]`.

    `state` is one int64, the phase. Returns where the last record ends, or the first where `only_first`; 0
    where none does.
    """
    state = longs_at(state, 1)
    phase, last = state[0], 0
    for at in range(start, end, 64):
        ends, phase = record_ends(block + at, min(64, end - at), phase, delimiter, quote)
        if ends != NONE:
            if only_first:
                state[0] = AT_CELL
                return at + lowest_bit(ends) + 1
            last = at + highest_bit(ends) + 1
    state[0] = phase
    return last


@compiled
def without_line_ending(block, begin, end):
    """The end of a record that reaches to behind its newline, without its line ending."""
    if end > begin and load_byte(block + end - 1) == NEWLINE:
        end -= 1
        if end > begin and load_byte(block + end - 1) == RETURN:
            end -= 1
    return end


@entry
def split_cells(
    block, size, starts, part_count, delimiter, quote, offsets, ends, parts, numbers, room, counts
):
    """Finds the records in `block[:size]`, whose parts from different files begin at `starts`.

    Empty lines are no records; what follows the last newline of a part is one. Writes for each record where
    it begins and ends, without its line ending, its part and its number in that part, from 0; for each part
    its number of records. Returns the number of records, or -1 where the outputs are too small.
    """
    starts, counts = longs_at(starts, part_count), longs_at(counts, part_count)
    offsets, ends = longs_at(offsets, room + 1), longs_at(ends, room)
    parts, numbers = ints_at(parts, room), ints_at(numbers, room)
    records = 0
    for part in range(part_count):
        begin, past = starts[part], starts[part + 1] if part + 1 < part_count else size
        before, phase = records, AT_CELL
        for at in range(starts[part], past, 64):
            stops, phase = record_ends(block + at, min(64, past - at), phase, delimiter, quote)
            last = at + 64 >= past
            while stops != NONE or (last and begin < past):
                behind = at + lowest_bit(stops) + 1 if stops != NONE else past
                stops &= stops - ONE if stops != NONE else NONE
                end = without_line_ending(block, begin, behind)
                if end > begin:
                    if records >= room:
                        return -1
                    offsets[records], ends[records] = begin, end
                    parts[records], numbers[records] = part, records - before
                    records += 1
                begin = behind
        counts[part] = records - before
    offsets[records] = size
    return records
