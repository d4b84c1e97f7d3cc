"""Text tokens into an Arrow dictionary: each distinct text once, and a number for each slot.

The table is open addressing with linear probing; an entry is the number of a text plus one, 0 where it is
free. It is never more than half full, so that a search ends.
"""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.codes import ESCAPED_TEXT, NULL, TEXT, TYPE_MISMATCH
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.memory import (
    bytes_at,
    copy_sixteen,
    ints_at,
    load_item,
    load_word,
    longs_at,
)
from transforms.decode.kernel.source.strings import first_bytes
from transforms.decode.kernel.source.text import unescape

MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: spreads neighbours (Knuth, 6.4)
HALF = np.uint64(32)
FULL = -1


@compiled
def hash_of(at, length):
    """A number of 32 bits, the same for the same `length` bytes."""
    mixed = np.uint64(length)
    while length > 8:
        mixed = (mixed ^ load_word(at)) * MIX
        mixed ^= mixed >> HALF
        at += 8
        length -= 8
    return np.int64(((mixed ^ first_bytes(at, length)) * MIX) >> HALF)


@compiled
def same_bytes(one, other, length):
    """Whether as many bytes at two addresses are the same."""
    while length > 8:
        if load_word(one) != load_word(other):
            return False
        one += 8
        other += 8
        length -= 8
    return first_bytes(one, length) == first_bytes(other, length)


@compiled
def number_of(at, length, table, mask, text, offsets):
    """(the number of a text, its place in the table); the number is -1 for a text that is not there yet."""
    place = hash_of(at, length) & mask
    number = load_item(table, place) - 1
    while number >= 0:
        known = load_item(offsets, number)
        if load_item(offsets, number + 1) - known == length and same_bytes(text + known, at, length):
            break
        place = (place + 1) & mask
        number = load_item(table, place) - 1
    return number, place


@entry
def fill_dictionary(block, count, tags, starts, ends, text, offsets, most, table, numbers, valid, verdicts):
    """Strings as numbers of at most `most` texts, which are `text[offsets[number]:offsets[number + 1]]`.

    Args:
        text: Has `text_room`, room for `most` short texts, and PADDING.
        offsets: As many as texts and one more, the first one 0.
        most: A power of two; the table has twice as many entries, all 0.

    Returns:
        How many distinct texts there are, or FULL where these are more than `most`.
    """
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts, numbers = bytes_at(valid, count), bytes_at(verdicts, count), ints_at(numbers, count)
    ends_of_texts, entries = longs_at(offsets + 8, most), longs_at(table, 2 * most)
    distinct, written = 0, text
    for slot in range(count):
        tag = tags[slot]
        if tag <= NULL:
            continue
        if tag != TEXT and tag != ESCAPED_TEXT:
            verdicts[slot] = TYPE_MISMATCH
            continue
        at = block + starts[slot] + 1
        length = ends[slot] - starts[slot] - 2
        if tag == ESCAPED_TEXT:
            length = unescape(at, at + length, written)
            at = written
            if length < 0:
                verdicts[slot] = -length
                continue
        number, place = number_of(at, length, table, 2 * most - 1, text, offsets)
        if number < 0:
            if distinct == most:
                return FULL
            if at != written:
                for done in range(0, length, 16):
                    copy_sixteen(written + done, at + done)
            number = distinct
            distinct += 1
            written += length
            ends_of_texts[number] = written - text
            entries[place] = distinct
        numbers[slot], valid[slot] = number, 1
    return distinct
