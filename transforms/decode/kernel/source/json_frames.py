"""A document of JSON into its elements: the values of an array, or values one after the other."""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.codes import (
    BEHIND_ARRAY,
    BEHIND_COMMA,
    BEHIND_ELEMENT,
    BROKEN,
    IN_ARRAY,
    IN_ELEMENT,
    IN_SCALAR,
    LOOSE,
)
from transforms.decode.kernel.source.bits import (
    EVERY,
    LAST,
    NONE,
    ONE,
    closing_bits,
    copy_softened,
    count_bits,
    equal_bits,
    escaped_bits,
    lowest_bit,
    odd_from,
    opening_bits,
)
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.grammar import CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT
from transforms.decode.kernel.source.memory import ints_at, load_byte, longs_at, store_byte
from transforms.decode.kernel.source.text import BACKSLASH, QUOTE

NEWLINE = 0x0A


@compiled
def is_space(byte):
    """Whether a byte is JSON white space."""
    return byte == 0x20 or byte == 0x0A or byte == 0x0D or byte == 0x09


@compiled
def ends_scalar(byte):
    """Whether a byte cannot be part of a number or literal."""
    bracket = byte | 0x20
    return (
        is_space(byte) or byte == COMMA or byte == QUOTE or bracket == OPEN_OBJECT or bracket == CLOSE_OBJECT
    )


@compiled
def leave_element(at, end, depth, quoted, escaped):
    """(address, depth, quoted, escaped) behind the element that `at` is in, or at `end` where it goes on.

    Args:
        depth: The brackets that are open, of whatever kind; the element ends where none is left.
        quoted: 1 within a string.
        escaped: 1 behind a backslash that counts.
    """
    while depth > 0 and at + 64 <= end:
        follows, carry = escaped_bits(equal_bits(at, BACKSLASH), np.uint64(escaped))
        strings = odd_from(equal_bits(at, QUOTE) & ~follows)
        if quoted:
            strings ^= EVERY
        openings, closings = opening_bits(at) & ~strings, closing_bits(at) & ~strings
        if count_bits(closings) >= depth:
            left, closed = closings, 0
            while left != NONE:
                bit = left & (NONE - left)
                left ^= bit
                closed += 1
                if depth + count_bits(openings & (bit - ONE)) == closed:
                    return at + lowest_bit(bit) + 1, 0, 0, 0
        depth += count_bits(openings) - count_bits(closings)
        quoted, escaped = np.int64(strings >> LAST), np.int64(carry)
        at += 64
    while at < end:
        byte, hidden = load_byte(at), escaped
        escaped = 1 if byte == BACKSLASH and not hidden else 0
        at += 1
        if byte == QUOTE and not hidden:
            quoted ^= 1
            if depth == 0 and not quoted:
                return at, 0, 0, 0
        elif not quoted:
            if byte | 0x20 == OPEN_OBJECT:
                depth += 1
            elif byte | 0x20 == CLOSE_OBJECT:
                depth -= 1
                if depth == 0:
                    return at, 0, 0, 0
    return at, depth, quoted, escaped


@compiled
def enter_element(byte):
    """(phase, depth, quoted) behind the first byte of an element."""
    if byte == OPEN_OBJECT or byte == OPEN_ARRAY:
        return IN_ELEMENT, 1, 0
    if byte == QUOTE:
        return IN_ELEMENT, 0, 1
    return IN_SCALAR, 0, 0


@compiled
def phase_between(phase, byte):
    """The phase behind a byte that is between elements and no white space; -1 where it begins one."""
    if phase == BEHIND_ELEMENT:
        if byte == COMMA:
            return BEHIND_COMMA
        return BEHIND_ARRAY if byte == CLOSE_ARRAY else BROKEN
    if phase == IN_ARRAY and byte == CLOSE_ARRAY:
        return BEHIND_ARRAY
    if phase == BEHIND_ARRAY or byte == COMMA or byte == CLOSE_ARRAY or byte == CLOSE_OBJECT:
        return BROKEN
    return -1


@entry
def frame_document(block, start, end, state, loose, only_first):
    """Goes on through a document with the bytes `block[start:end]`.

    `state` is four int64: phase, depth, quoted, escaped; `loose` is for values without an array around them.
    Returns the end of the last place that is between elements, or of the first element where `only_first`;
    0 where there is none. In the phase BROKEN, that is where the document is no document any more.
    """
    state = longs_at(state, 4)
    phase, depth, quoted, escaped = state[0], state[1], state[2], state[3]
    behind = LOOSE if loose else BEHIND_ELEMENT
    at, last = start, 0
    while at < end and phase != BROKEN:
        if phase == IN_ELEMENT:
            address, depth, quoted, escaped = leave_element(block + at, block + end, depth, quoted, escaped)
            at = address - block
            if depth > 0 or quoted:
                break
            phase, last = behind, at
            if only_first:
                break
            continue
        byte = load_byte(block + at)
        if phase == IN_SCALAR:
            if ends_scalar(byte):
                phase, last = behind, at
                if only_first:
                    break
            else:
                at += 1
            continue
        if not is_space(byte):
            after = phase_between(phase, byte)
            if after < 0:
                after, depth, quoted = enter_element(byte)
                last = at
            elif after == BROKEN:
                last = at
            phase = after
        at += 1
    if phase != IN_ELEMENT and phase != IN_SCALAR and phase != BROKEN:
        last = at
    state[0], state[1], state[2], state[3] = phase, depth, quoted, escaped
    return last


@compiled
def skip_between(block, at, past):
    """Where the next element begins; `past` where none does."""
    while at < past:
        byte = load_byte(block + at)
        if not is_space(byte) and byte != COMMA and byte != CLOSE_ARRAY:
            break
        at += 1
    return at


@compiled
def element_end(block, at, past):
    """Where the element that begins at `at` ends, at `past` at the latest."""
    phase, depth, quoted = enter_element(load_byte(block + at))
    at += 1
    if phase == IN_ELEMENT:
        address, _, _, _ = leave_element(block + at, block + past, depth, quoted, 0)
        return address - block
    while at < past and not ends_scalar(load_byte(block + at)):
        at += 1
    return at


@entry
def line_up(block, size, text, records, offsets, ends):
    """Copies `block[:size]` to `text`, each element a line there; writes up to 64 bytes more.

    Newlines go over all that is between elements, and carriage returns over those within, which are white
    space there too, and as wrong within strings.
    """
    offsets, ends = longs_at(offsets, records + 1), longs_at(ends, records)
    for at in range(0, size, 64):
        copy_softened(text + at, block + at)
    behind = 0
    for record in range(records + 1):
        for at in range(behind, offsets[record]):
            store_byte(text + at, NEWLINE)
        if record < records:
            behind = ends[record]
    return 0


@entry
def split_document(block, size, starts, part_count, offsets, ends, parts, numbers, room, counts):
    """Finds the elements in `block[:size]`, whose parts from different files begin at `starts`.

    What is between elements has been checked by `frame_document`. Writes for each element where it begins and
    ends, its part and its number in that part, from 0; for each part its number of elements. Returns the
    number of elements, or -1 where the outputs are too small.
    """
    starts, counts = longs_at(starts, part_count), longs_at(counts, part_count)
    offsets, ends = longs_at(offsets, room + 1), longs_at(ends, room)
    parts, numbers = ints_at(parts, room), ints_at(numbers, room)
    records = 0
    for part in range(part_count):
        at, past = starts[part], starts[part + 1] if part + 1 < part_count else size
        before = records
        while True:
            at = skip_between(block, at, past)
            if at >= past:
                break
            if records >= room:
                return -1
            offsets[records], parts[records], numbers[records] = at, part, records - before
            at = element_end(block, at, past)
            ends[records] = at
            records += 1
        counts[part] = records - before
    offsets[records] = size
    return records
