"""JSON strings: their end, their validity as UTF-8, their escapes (RFC 8259, section 7; RFC 3629)."""

from __future__ import annotations

from transforms.decode.kernel.codes import INVALID_UTF8, LONE_SURROGATE, MALFORMED
from transforms.decode.kernel.source.compiled import compiled
from transforms.decode.kernel.source.memory import load_byte, store_byte, string_stops, trailing_zeros

QUOTE, BACKSLASH = 0x22, 0x5C


@compiled
def utf8_length(at):
    """The length of the well-formed sequence of two to four bytes at `at`; 0 where it is not one."""
    first, second = load_byte(at), load_byte(at + 1)
    if first < 0xC2 or first > 0xF4 or second & 0xC0 != 0x80:
        return 0
    if first < 0xE0:
        return 2
    if load_byte(at + 2) & 0xC0 != 0x80:
        return 0
    if first < 0xF0:
        overlong = first == 0xE0 and second < 0xA0
        surrogate = first == 0xED and second >= 0xA0
        return 0 if overlong or surrogate else 3
    if load_byte(at + 3) & 0xC0 != 0x80:
        return 0
    overlong = first == 0xF0 and second < 0x90
    beyond = first == 0xF4 and second >= 0x90
    return 0 if overlong or beyond else 4


@compiled
def hex_value(byte):
    """The value of a hexadecimal digit; -1 where it is not one."""
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    letter = byte | 0x20
    if 0x61 <= letter <= 0x66:
        return letter - 0x61 + 10
    return -1


@compiled
def code_unit(at):
    """The value of four hexadecimal digits; negative where they are not."""
    high = (hex_value(load_byte(at)) << 4) | hex_value(load_byte(at + 1))
    low = (hex_value(load_byte(at + 2)) << 4) | hex_value(load_byte(at + 3))
    return (high << 8) | low


@compiled
def escape_length(at):
    """The length of the escape sequence whose backslash is at `at`; 0 where it is not one."""
    kind = load_byte(at + 1)
    if kind == 0x75:
        return 6 if code_unit(at + 2) >= 0 else 0
    if kind in (0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74):
        return 2
    return 0


@compiled
def scan_string(at):
    """(address of the closing quote or minus the verdict, has escapes); `at` is after the opening quote."""
    escaped = False
    while True:
        stops = string_stops(at)
        while stops == 0:
            at += 16
            stops = string_stops(at)
        at += trailing_zeros(stops)
        byte = load_byte(at)
        if byte == QUOTE:
            return at, escaped
        if byte == BACKSLASH:
            escaped = True
            length = escape_length(at)
            if length == 0:
                return -MALFORMED, escaped
        elif byte < 0x20:
            return -MALFORMED, escaped
        else:
            length = utf8_length(at)
            if length == 0:
                return -INVALID_UTF8, escaped
        at += length


@compiled
def store_code_point(to, point):
    """Writes one code point as UTF-8; returns its length."""
    if point < 0x80:
        store_byte(to, point)
        return 1
    if point < 0x800:
        store_byte(to, 0xC0 | (point >> 6))
        store_byte(to + 1, 0x80 | (point & 0x3F))
        return 2
    if point < 0x10000:
        store_byte(to, 0xE0 | (point >> 12))
        store_byte(to + 1, 0x80 | ((point >> 6) & 0x3F))
        store_byte(to + 2, 0x80 | (point & 0x3F))
        return 3
    store_byte(to, 0xF0 | (point >> 18))
    store_byte(to + 1, 0x80 | ((point >> 12) & 0x3F))
    store_byte(to + 2, 0x80 | ((point >> 6) & 0x3F))
    store_byte(to + 3, 0x80 | (point & 0x3F))
    return 4


@compiled
def simple_escape(kind):
    """The character that `\\` followed by `kind` stands for."""
    if kind == 0x62:
        return 0x08
    if kind == 0x66:
        return 0x0C
    if kind == 0x6E:
        return 0x0A
    if kind == 0x72:
        return 0x0D
    if kind == 0x74:
        return 0x09
    return kind


@compiled
def unescape(at, end, to):
    """Writes the text between two quotes to `to`, without its escapes.

    Returns the length in bytes, never more than `end - at`, or minus LONE_SURROGATE: half a surrogate
    pair is no character and has no UTF-8.
    """
    begin = to
    while at < end:
        byte = load_byte(at)
        if byte != BACKSLASH:
            store_byte(to, byte)
            at += 1
            to += 1
            continue
        kind = load_byte(at + 1)
        if kind != 0x75:
            store_byte(to, simple_escape(kind))
            at += 2
            to += 1
            continue
        point = code_unit(at + 2)
        at += 6
        if 0xD800 <= point < 0xE000:
            low = -1
            if point < 0xDC00 and at + 6 <= end and load_byte(at) == BACKSLASH and load_byte(at + 1) == 0x75:
                low = code_unit(at + 2)
            if low < 0xDC00 or low >= 0xE000:
                return -LONE_SURROGATE
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
            at += 6
        to += store_code_point(to, point)
    return to - begin
