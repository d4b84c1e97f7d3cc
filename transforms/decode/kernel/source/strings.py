"""Tokens into Arrow string views (Arrow columnar format, variable-size binary view layout).

A view is two words: the length and the first four bytes; then the next eight bytes, or, for a text of more
than twelve, the number of its buffer and the offset there. Longer texts are copied behind each other into one
buffer, so that rows that wait to be sorted keep their text alive, and not the whole block that it came in.
"""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.codes import ESCAPED_TEXT, NO_JSON, NULL, TEXT, TYPE_MISMATCH, UNPARSABLE
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.memory import bytes_at, copy_sixteen, ints_at, load_word, words_at
from transforms.decode.kernel.source.text import unescape

INLINE = 12
HALF = np.uint64(32)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@compiled
def first_bytes(at, count):
    """The first `count` (0 to 8) of eight bytes, the others zero."""
    if count <= 0:
        return np.uint64(0)
    return load_word(at) & (ALL >> np.uint64(64 - 8 * min(count, 8)))


@compiled
def set_view(views, slot, at, length, offset):
    """Writes the view of the `length` bytes at address `at`; a long text is at `offset` of its buffer."""
    views[2 * slot] = np.uint64(length) | (first_bytes(at, min(length, 4)) << HALF)
    views[2 * slot + 1] = first_bytes(at + 4, length - 4) if length <= INLINE else np.uint64(offset) << HALF


@compiled
def keep_text(views, slot, at, length, text, written):
    """Sets the view of a text, and copies a long one to `text + written`; returns what it takes there."""
    set_view(views, slot, at, length, written)
    if length <= INLINE:
        return 0
    for done in range(0, length, 16):
        copy_sixteen(text + written + done, at + done)
    return length


@entry
def text_room(count, tags, starts, ends):
    """The bytes that the texts of a node take at most in their buffer."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    room = 0
    for slot in range(count):
        if tags[slot] > NULL and ends[slot] - starts[slot] > INLINE:
            room += ends[slot] - starts[slot]
    return room


@entry
def fill_strings(block, count, tags, starts, ends, text, views, valid, verdicts):
    """Strings; `text` has `text_room` and PADDING. See `numbers` for what a fill does."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    views = words_at(views, 2 * count)
    refused, written = 0, 0
    for slot in range(count):
        tag = tags[slot]
        begin, end = block + starts[slot] + 1, block + ends[slot] - 1
        if tag == TEXT:
            written += keep_text(views, slot, begin, end - begin, text, written)
            valid[slot] = 1
        elif tag == ESCAPED_TEXT:
            length = unescape(begin, end, text + written)
            if length < 0:
                verdicts[slot] = -length
                refused += 1
                continue
            set_view(views, slot, text + written, length, written)
            written += length if length > INLINE else 0
            valid[slot] = 1
        elif tag > NULL:
            verdicts[slot] = TYPE_MISMATCH
            refused += 1
    return refused


@entry
def fill_json(block, count, tags, starts, ends, text, views, valid, verdicts):
    """The text of any value but `null`, as it came."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts, views = bytes_at(valid, count), bytes_at(verdicts, count), words_at(views, 2 * count)
    refused, written = 0, 0
    for slot in range(count):
        if tags[slot] == NO_JSON:
            verdicts[slot] = UNPARSABLE
            refused += 1
        elif tags[slot] > NULL:
            begin = block + starts[slot]
            written += keep_text(views, slot, begin, ends[slot] - starts[slot], text, written)
            valid[slot] = 1
    return refused
