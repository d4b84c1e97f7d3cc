"""Tokens into Arrow string views (Arrow columnar format, variable-size binary view layout).

A view is two words: the length and the first four bytes; then the next eight bytes, or, for a text of more
than twelve, the number of its buffer and the offset there. Buffer 0 is the block itself, so that text without
escapes is never copied; buffer 1 holds what had escapes.
"""

from __future__ import annotations

import numpy as np

from transforms.kernel.codes import ESCAPED_TEXT, NULL, TEXT, TYPE_MISMATCH
from transforms.kernel.source.compiled import compiled, entry
from transforms.kernel.source.memory import bytes_at, ints_at, load_word, words_at
from transforms.kernel.source.text import unescape

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
def set_view(views, slot, at, length, buffer, offset):
    """Writes the view of the `length` bytes at address `at`, which is `offset` in `buffer`."""
    views[2 * slot] = np.uint64(length) | (first_bytes(at, min(length, 4)) << HALF)
    if length > INLINE:
        views[2 * slot + 1] = np.uint64(buffer) | (np.uint64(offset) << HALF)
    else:
        views[2 * slot + 1] = first_bytes(at + 4, length - 4)


@entry
def escaped_bytes(count, tags, starts, ends):
    """The room that unescaping all texts of a node takes at most."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    room = 0
    for slot in range(count):
        if tags[slot] == ESCAPED_TEXT:
            room += ends[slot] - starts[slot]
    return room


@entry
def fill_strings(block, count, tags, starts, ends, unescaped, views, valid, verdicts):
    """Strings; `unescaped` has room for `escaped_bytes` and PADDING. See `numbers` for what a fill does."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    views = words_at(views, 2 * count)
    refused, written = 0, 0
    for slot in range(count):
        tag = tags[slot]
        if tag == TEXT:
            offset = starts[slot] + 1
            set_view(views, slot, block + offset, ends[slot] - 1 - offset, 0, offset)
            valid[slot] = 1
        elif tag == ESCAPED_TEXT:
            length = unescape(block + starts[slot] + 1, block + ends[slot] - 1, unescaped + written)
            if length < 0:
                verdicts[slot] = -length
                refused += 1
                continue
            set_view(views, slot, unescaped + written, length, 1, written)
            written += length
            valid[slot] = 1
        elif tag > NULL:
            verdicts[slot] = TYPE_MISMATCH
            refused += 1
    return refused


@entry
def fill_json(block, count, tags, starts, ends, views, valid):
    """The text of any value but `null`, as it came."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, views = bytes_at(valid, count), words_at(views, 2 * count)
    for slot in range(count):
        if tags[slot] > NULL:
            offset = starts[slot]
            set_view(views, slot, block + offset, ends[slot] - offset, 0, offset)
            valid[slot] = 1
    return 0
