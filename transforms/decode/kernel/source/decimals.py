"""Number literals as exact decimals: `(-1)^negative * mantissa * 10^exponent`, the mantissa in 128 bits."""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.source.compiled import compiled
from transforms.decode.kernel.source.memory import load_byte

DIGITS = 38  # significant digits that 128 bits always hold
HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
TEN = np.uint64(10)
FAR = 1_000_000_000_000  # exponents beyond this are all alike: more than a record has digits to make up for


@compiled
def times_ten(high, low, digit):
    """`mantissa * 10 + digit`, where the mantissa is `high * 2^64 + low`."""
    lower = (low & LOW) * TEN + np.uint64(digit)
    upper = (low >> HALF) * TEN + (lower >> HALF)
    return high * TEN + (upper >> HALF), (upper << HALF) | (lower & LOW)


@compiled
def scale_up(high, low, power):
    """`mantissa * 10^power`."""
    for _ in range(power):
        high, low = times_ten(high, low, 0)
    return high, low


@compiled
def read_exponent(at, end):
    """The number behind an `e`, held within FAR."""
    sign = -1 if load_byte(at) == 0x2D else 1
    value = 0
    while at < end:
        digit = load_byte(at) - 0x30
        if 0 <= digit <= 9 and value < FAR:
            value = value * 10 + digit
        at += 1
    return sign * value


@compiled
def read_decimal(at, end):
    """(negative, high, low, exponent, digits) of the JSON number between two addresses.

    The mantissa ends in no zero (0 is mantissa 0, exponent 0, no digits), so that two spellings of a value
    read alike. `digits` counts its digits; where that is more than DIGITS the mantissa is not kept.
    """
    negative = load_byte(at) == 0x2D
    if negative:
        at += 1
    high, low = np.uint64(0), np.uint64(0)
    digits, zeros, exponent, fraction = 0, 0, 0, False
    while at < end:
        byte = load_byte(at)
        at += 1
        if byte == 0x2E:
            fraction = True
            continue
        if byte | 0x20 == 0x65:
            exponent += read_exponent(at, end)
            break
        if fraction:
            exponent -= 1
        if byte == 0x30:
            zeros += 1  # kept back: they may end the number
            continue
        if digits > 0:
            digits += zeros
            if digits < DIGITS:
                high, low = scale_up(high, low, zeros)
        zeros = 0
        digits += 1
        if digits <= DIGITS:
            high, low = times_ten(high, low, byte - 0x30)
    return negative, high, low, (exponent + zeros if digits > 0 else 0), digits
