"""Number tokens into the values of number columns.

Each `fill_…` reads the tokens of one node, writes a value and a verdict a slot, sets `valid` to 1 where
there is a value, and returns how many slots were refused. `null` and a missing field are no value and no
refusal.
"""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.codes import (
    ACCEPTED,
    FALSE,
    INTEGER,
    NULL,
    NUMBER,
    OUT_OF_RANGE,
    PRECISION_LOSS,
    TRUE,
    TYPE_MISMATCH,
    UNPARSABLE,
    UNSURE,
)
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.decimals import DIGITS, read_decimal, scale_up
from transforms.decode.kernel.source.memory import (
    bytes_at,
    doubles_at,
    ints_at,
    load_byte,
    longs_at,
    words_at,
)

EXACT_INTEGER = np.uint64(1 << 53)
LONGEST_FLOAT = 60_000  # bytes: Polars, asked where UNSURE, misreads exponents that as many zeros make up for
EXACT_POWERS = np.array([10.0**power for power in range(23)])


@compiled
def read_short_integer(at, end):
    """The value of an integer literal of at most 18 digits."""
    negative = load_byte(at) == 0x2D
    if negative:
        at += 1
    value = 0
    while at < end:
        value = value * 10 + (load_byte(at) - 0x30)
        at += 1
    return -value if negative else value


@compiled
def read_integer(at, end, low, high):
    """(the 64 bits of an integral number, verdict); it must lie from -low to high."""
    negative, upper, lower, exponent, digits = read_decimal(at, end)
    if exponent < 0:
        return 0, TYPE_MISMATCH
    if digits + exponent > 20:
        return 0, OUT_OF_RANGE
    upper, lower = scale_up(upper, lower, exponent)
    if upper != 0 or lower > (low if negative else high):
        return 0, OUT_OF_RANGE
    return np.int64(np.uint64(0) - lower if negative else lower), ACCEPTED


@entry
def fill_integers(block, count, tags, starts, ends, low, high, values, valid, verdicts):
    """Integers, and numbers whose value is integral, from -low to high; `values` holds their 64 bits."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    values, low, high = longs_at(values, count), np.uint64(low), np.uint64(high)
    refused = 0
    for slot in range(count):
        tag = tags[slot]
        if tag <= NULL:
            continue
        if tag != INTEGER and tag != NUMBER:
            verdict = TYPE_MISMATCH
        elif tag == INTEGER and ends[slot] - starts[slot] <= 18:
            value = read_short_integer(block + starts[slot], block + ends[slot])
            fits = np.uint64(-value) <= low if value < 0 else np.uint64(value) <= high
            verdict = ACCEPTED if fits else OUT_OF_RANGE
        else:
            value, verdict = read_integer(block + starts[slot], block + ends[slot], low, high)
        if verdict == ACCEPTED:
            values[slot], valid[slot] = value, 1
        else:
            verdicts[slot] = verdict
            refused += 1
    return refused


@compiled
def read_float(at, end):
    """(nearest double, verdict); UNSURE where one multiplication or division does not give it.

    An integer below 2^53 and a power of ten up to 10^22 are doubles, so that their product or quotient is
    rounded once, hence right (Clinger, How to read floating point numbers accurately, 1990).
    """
    if end - at > LONGEST_FLOAT:
        return 0.0, UNPARSABLE
    negative, upper, lower, exponent, digits = read_decimal(at, end)
    if digits == 0:
        return -0.0 if negative else 0.0, ACCEPTED
    if upper != 0 or digits > DIGITS or lower > EXACT_INTEGER or abs(exponent) > 22:
        return 0.0, UNSURE
    value = np.float64(lower)
    value = value / EXACT_POWERS[-exponent] if exponent < 0 else value * EXACT_POWERS[exponent]
    return -value if negative else value, ACCEPTED


@entry
def fill_floats(block, count, tags, starts, ends, values, valid, verdicts):
    """Numbers as the nearest doubles; UNSURE slots count as refused until the caller settles them."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    values = doubles_at(values, count)
    refused = 0
    for slot in range(count):
        tag = tags[slot]
        if tag <= NULL:
            continue
        verdict = TYPE_MISMATCH
        if tag == INTEGER or tag == NUMBER:
            values[slot], verdict = read_float(block + starts[slot], block + ends[slot])
        if verdict == ACCEPTED:
            valid[slot] = 1
        else:
            verdicts[slot] = verdict
            refused += 1
    return refused


@compiled
def read_scaled(at, end, precision, scale):
    """(high, low, verdict): the number times 10^scale as two's complement in 128 bits."""
    negative, high, low, exponent, digits = read_decimal(at, end)
    if exponent + scale < 0:
        return high, low, PRECISION_LOSS
    if digits > 0 and digits + exponent + scale > precision:
        return high, low, OUT_OF_RANGE
    if digits > 0:
        high, low = scale_up(high, low, exponent + scale)
    if negative:
        low = ~low + np.uint64(1)
        high = ~high + np.uint64(1 if low == 0 else 0)
    return high, low, ACCEPTED


@entry
def fill_decimals(block, count, tags, starts, ends, precision, scale, values, valid, verdicts):
    """Numbers with at most `scale` digits after the point; `values` holds a low and a high word a slot."""
    tags, starts, ends = bytes_at(tags, count), ints_at(starts, count), ints_at(ends, count)
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    values = words_at(values, 2 * count)
    refused = 0
    for slot in range(count):
        tag = tags[slot]
        if tag <= NULL:
            continue
        verdict = TYPE_MISMATCH
        if tag == INTEGER or tag == NUMBER:
            high, low, verdict = read_scaled(block + starts[slot], block + ends[slot], precision, scale)
        if verdict == ACCEPTED:
            values[2 * slot], values[2 * slot + 1], valid[slot] = low, high, 1
        else:
            verdicts[slot] = verdict
            refused += 1
    return refused


@entry
def fill_booleans(count, tags, values, valid, verdicts):
    """`true` and `false`."""
    valid, verdicts = bytes_at(valid, count), bytes_at(verdicts, count)
    tags, values = bytes_at(tags, count), bytes_at(values, count)
    refused = 0
    for slot in range(count):
        tag = tags[slot]
        if tag == TRUE or tag == FALSE:
            values[slot], valid[slot] = tag == TRUE, 1
        elif tag > NULL:
            verdicts[slot] = TYPE_MISMATCH
            refused += 1
    return refused
