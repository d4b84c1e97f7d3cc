"""Where a cell of CSV ends, and what is in it."""

from __future__ import annotations

from transforms.decode.kernel.codes import INVALID_UTF8, MALFORMED_CSV, NO_JSON, PADDING, TOO_DEEP
from transforms.decode.kernel.source.compiled import compiled
from transforms.decode.kernel.source.csv_frames import NEWLINE, RETURN
from transforms.decode.kernel.source.grammar import scan_value, skip_space
from transforms.decode.kernel.source.memory import (
    cell_stops,
    load_byte,
    quote_stops,
    store_byte,
    trailing_zeros,
)
from transforms.decode.kernel.source.text import utf8_length


@compiled
def plain_end(at, end, delimiter, quote):
    """The address where the cell at `at`, which has no quotes, ends; minus the verdict where it does not."""
    while True:
        stops = cell_stops(at, delimiter, quote)
        while stops == 0:
            at += 16
            stops = cell_stops(at, delimiter, quote)
        at += trailing_zeros(stops)
        if at >= end:
            return end
        byte = load_byte(at)
        if byte == delimiter:
            return at
        if byte == quote or byte == RETURN or byte == NEWLINE:
            return -MALFORMED_CSV
        length = utf8_length(at) if byte >= 0x80 else 1
        if length == 0:
            return -INVALID_UTF8
        at += length


@compiled
def quoted_end(at, end, quote):
    """(address of the quote that closes a cell or minus the verdict, whether there are doubled ones)."""
    doubled = False
    while True:
        stops = quote_stops(at, quote)
        while stops == 0 and at < end:
            at += 16
            stops = quote_stops(at, quote)
        at += trailing_zeros(stops) if stops != 0 else 0
        if at >= end:
            return -MALFORMED_CSV, doubled
        if load_byte(at) == quote:
            if at + 1 >= end or load_byte(at + 1) != quote:
                return at, doubled
            doubled = True
            at += 2
            continue
        length = utf8_length(at)
        if length == 0:
            return -INVALID_UTF8, doubled
        at += length


@compiled
def undouble(at, end, quote):
    """Makes one of two quotes in place; returns the address where the text ends then."""
    to = at
    while at < end:
        byte = load_byte(at)
        store_byte(to, byte)
        at += 2 if byte == quote else 1
        to += 1
    return to


@compiled
def scan_json(at, end, scratch, opened, limit):
    """(address, end, tag) of the value in a cell of JSON; where it is not one, NO_JSON or -TOO_DEEP.

    The value is looked at in `scratch`, where its newlines are white space and what follows it is none.
    """
    for i in range(end - at):
        byte = load_byte(at + i)
        store_byte(scratch + i, RETURN if byte == NEWLINE else byte)
    past = scratch + (end - at)
    for i in range(PADDING):
        store_byte(past + i, NEWLINE)
    value = skip_space(scratch)
    after, tag = scan_value(value, opened, limit)
    if after > 0 and after <= past and skip_space(after) == past:
        return at + (value - scratch), at + (after - scratch), tag
    return at, end, -TOO_DEEP if after == -TOO_DEEP else NO_JSON
