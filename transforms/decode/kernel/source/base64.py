"""Text tokens into bytes (RFC 4648, section 4: base64 with padding)."""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.codes import ESCAPED_TEXT, NULL, TEXT, TYPE_MISMATCH, UNPARSABLE
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.memory import bytes_at, ints_at, load_byte, store_byte, words_at
from transforms.decode.kernel.source.strings import INLINE, set_view
from transforms.decode.kernel.source.text import unescape

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NO_DIGIT = 1 << 24  # survives being put together with other digits
PAD = 0x3D


def _digits():
    values = np.full(256, NO_DIGIT, np.int64)
    values[np.frombuffer(ALPHABET, np.uint8)] = np.arange(64)
    return values


DIGITS = _digits()


@compiled
def read_four(at, count):
    """24 bits of four digits, of which the first `count` count; NO_DIGIT or more where one is none."""
    bits = (DIGITS[load_byte(at)] << 18) | (DIGITS[load_byte(at + 1)] << 12)
    if count > 2:
        bits |= DIGITS[load_byte(at + 2)] << 6
    if count > 3:
        bits |= DIGITS[load_byte(at + 3)]
    return bits


@compiled
def decode_base64(at, end, to):
    """Writes the bytes that the text stands for to `to`, which may be `at`; returns how many, or -1.

    Only the one text that bytes have is taken: padded, without spaces, no bits left over (section 3.5).
    """
    length = end - at
    if length & 3 != 0:
        return -1
    begin, last = to, end - 4
    while at < last:
        bits = read_four(at, 4)
        if bits >= NO_DIGIT:
            return -1
        store_byte(to, bits >> 16)
        store_byte(to + 1, bits >> 8)
        store_byte(to + 2, bits)
        at += 4
        to += 3
    if length == 0:
        return 0
    count = 4
    if load_byte(at + 3) == PAD:
        count = 2 if load_byte(at + 2) == PAD else 3
    bits = read_four(at, count)
    if bits >= NO_DIGIT or bits & (0xFFFFFF >> (8 * (count - 1))) != 0:
        return -1
    for position in range(count - 1):
        store_byte(to + position, bits >> (16 - 8 * position))
    return to + count - 1 - begin


@entry
def fill_binary(block, count, tags, starts, ends, data, views, valid, verdicts):
    """Base64 as bytes; `data` has `text_room` and PADDING. See `numbers` for what a fill does."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    views = words_at(views, 2 * count)
    refused, written = 0, 0
    for slot in range(count):
        tag = tags[slot]
        if tag <= NULL:
            continue
        verdict, length = TYPE_MISMATCH, -1
        if tag == TEXT or tag == ESCAPED_TEXT:
            begin, end = block + starts[slot] + 1, block + ends[slot] - 1
            if tag == ESCAPED_TEXT:  # `/` is often written with a backslash
                begin, end = data + written, data + written + unescape(begin, end, data + written)
            verdict = UNPARSABLE
            if end >= begin:
                length = decode_base64(begin, end, data + written)
        if length >= 0:
            set_view(views, slot, data + written, length, written)
            written += length if length > INLINE else 0
            valid[slot] = 1
        else:
            verdicts[slot] = verdict
            refused += 1
    return refused
