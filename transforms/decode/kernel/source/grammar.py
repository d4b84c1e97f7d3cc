"""JSON values (RFC 8259), strictly: where they end and what they are.

Every scan may run on behind the end of a broken record, up to the next control character, and never
further than the padding; who calls compares the end with that of the record.
"""

from __future__ import annotations

from transforms.decode.kernel.codes import (
    ARRAY,
    ESCAPED_TEXT,
    FALSE,
    INTEGER,
    MALFORMED,
    NULL,
    NUMBER,
    OBJECT,
    TEXT,
    TOO_DEEP,
    TRUE,
)
from transforms.decode.kernel.source.compiled import compiled
from transforms.decode.kernel.source.memory import load_byte, store_byte
from transforms.decode.kernel.source.text import QUOTE, scan_string

OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = 0x7B, 0x7D, 0x5B, 0x5D
COMMA, COLON, MINUS, PLUS, POINT = 0x2C, 0x3A, 0x2D, 0x2B, 0x2E


@compiled
def skip_space(at):
    """The address of the next byte that is not JSON white space; a newline, which ends a record, is not."""
    byte = load_byte(at)
    while byte == 0x20 or byte == 0x0D or byte == 0x09:
        at += 1
        byte = load_byte(at)
    return at


@compiled
def skip_lines(at):
    """The address of the next byte that is no white space, newlines included."""
    byte = load_byte(at)
    while byte == 0x20 or byte == 0x0A or byte == 0x0D or byte == 0x09:
        at += 1
        byte = load_byte(at)
    return at


@compiled
def skip_digits(at):
    """The address after a run of at least one digit; minus MALFORMED where there is none."""
    if not 0x30 <= load_byte(at) <= 0x39:
        return -MALFORMED
    while 0x30 <= load_byte(at) <= 0x39:
        at += 1
    return at


@compiled
def scan_number(at):
    """(address after the number or minus the verdict, INTEGER or NUMBER)."""
    tag = INTEGER
    if load_byte(at) == MINUS:
        at += 1
    at = at + 1 if load_byte(at) == 0x30 else skip_digits(at)
    if at > 0 and load_byte(at) == POINT:
        tag = NUMBER
        at = skip_digits(at + 1)
    if at > 0 and load_byte(at) | 0x20 == 0x65:
        tag = NUMBER
        at += 1
        if load_byte(at) == PLUS or load_byte(at) == MINUS:
            at += 1
        at = skip_digits(at)
    return at, tag


@compiled
def spells(at, first, second, third):
    """Whether the next three bytes are these."""
    return load_byte(at) == first and load_byte(at + 1) == second and load_byte(at + 2) == third


@compiled
def scan_scalar(at):
    """(address after the string, number or literal or minus the verdict, its tag)."""
    byte = load_byte(at)
    if byte == QUOTE:
        end, escaped = scan_string(at + 1)
        return (end + 1 if end > 0 else end), (ESCAPED_TEXT if escaped else TEXT)
    if byte == MINUS or 0x30 <= byte <= 0x39:
        return scan_number(at)
    if byte == 0x6E and spells(at + 1, 0x75, 0x6C, 0x6C):
        return at + 4, NULL
    if byte == 0x74 and spells(at + 1, 0x72, 0x75, 0x65):
        return at + 4, TRUE
    if byte == 0x66 and spells(at + 1, 0x61, 0x6C, 0x73) and load_byte(at + 4) == 0x65:
        return at + 5, FALSE
    return -MALFORMED, NULL


@compiled
def skip_key(at):
    """The address of the value behind the key at `at`; minus the verdict where there is no key."""
    if load_byte(at) != QUOTE:
        return -MALFORMED
    end, _ = scan_string(at + 1)
    if end < 0:
        return end
    at = skip_space(end + 1)
    return skip_space(at + 1) if load_byte(at) == COLON else -MALFORMED


@compiled
def scan_value(at, opened, limit):
    """(address after any value or minus the verdict, its tag).

    `opened` is the address of `limit` bytes: the brackets that are open, so that nesting costs memory of
    a known size and no recursion.
    """
    byte = load_byte(at)
    if byte != OPEN_OBJECT and byte != OPEN_ARRAY:
        return scan_scalar(at)
    tag = OBJECT if byte == OPEN_OBJECT else ARRAY
    end = skip_container(at, opened, limit)
    return end, tag


@compiled
def skip_container(at, opened, limit):
    """The address after the object or array at `at`; minus the verdict where it is not one."""
    depth = 0
    while True:
        # `at` is the start of a value
        byte = load_byte(at)
        if byte == OPEN_OBJECT or byte == OPEN_ARRAY:
            if depth >= limit:
                return -TOO_DEEP
            closing = byte + 2  # in ASCII, both closing brackets stand two behind the opening ones
            store_byte(opened + depth, closing)
            depth += 1
            at = skip_space(at + 1)
            if load_byte(at) != closing:
                if closing == CLOSE_OBJECT:
                    at = skip_key(at)
                    if at < 0:
                        return at
                continue
        else:
            at, _ = scan_scalar(at)
            if at < 0:
                return at
            at = skip_space(at)
        # `at` is behind a value, or at the bracket that closes an empty container
        while load_byte(at) == load_byte(opened + depth - 1):
            depth -= 1
            if depth == 0:
                return at + 1
            at = skip_space(at + 1)
        if load_byte(at) != COMMA:
            return -MALFORMED
        at = skip_space(at + 1)
        if load_byte(opened + depth - 1) == CLOSE_OBJECT:
            at = skip_key(at)
            if at < 0:
                return at
