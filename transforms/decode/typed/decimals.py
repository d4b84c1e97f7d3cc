"""Floats as the exact decimals that they are, and back: what proves that nothing was rounded."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

WIDEST = pa.decimal256(76, 38)
"""Holds every float below 10^38 whose digits after the point are at most 38."""
DEEPEST, HIGHEST, LARGEST = 38, 126, 1e38
MANTISSA_BITS = 53

# Powers of two, exactly: 2^-k for k from 0, and 2^k for k from 0.
_NEGATIVE = pa.array([Decimal(5**k).scaleb(-k) for k in range(DEEPEST + 1)], pa.decimal256(39, DEEPEST))
_POSITIVE = pa.array([Decimal(2**k) for k in range(HIGHEST + 1)], pa.decimal256(39, 0))


def exact_decimals(floats: NDArray[np.float64]) -> tuple[pa.Array, NDArray[np.bool_]]:
    """(the numbers as WIDEST, where it holds them exactly); what it does not hold is 0. All are finite."""
    digits, exponents = _parts(floats)
    fits = (exponents >= -DEEPEST) & (np.abs(floats) <= LARGEST)
    digits = np.where(fits, digits, 0)
    whole = pa.array(digits).cast(pa.decimal256(19, 0))
    below = pc.multiply(whole, _NEGATIVE.take(pa.array(np.clip(-exponents, 0, DEEPEST))))
    above = pc.multiply(whole, _POSITIVE.take(pa.array(np.clip(exponents, 0, HIGHEST))))
    # Beside its own power the other product is the digits alone: both fit.
    return pc.if_else(pa.array(exponents < 0), below.cast(WIDEST), above.cast(WIDEST)), fits


def as_widest(array: pa.Array) -> pa.Array:
    """Decimals of any type as WIDEST; null where it does not hold one exactly."""
    kind = array.type
    if kind.precision - kind.scale > DEEPEST:
        limit = pa.scalar(Decimal(10**DEEPEST), kind)
        inside = pc.and_(pc.less(array, limit), pc.greater(array, pc.negate(limit)))
        array = pc.if_else(inside, array, pa.scalar(None, kind))
    if kind.scale <= DEEPEST:
        return array.cast(WIDEST)
    cut = array.cast(WIDEST, safe=False)
    return pc.if_else(pc.equal(cut.cast(kind), array), cut, pa.scalar(None, WIDEST))


def _parts(floats: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(odd digits or 0, exponents): each float is digits * 2^exponent."""
    fractions, exponents = np.frexp(floats)
    digits = (fractions * 2.0**MANTISSA_BITS).astype(np.int64)
    lowest = np.where(digits == 0, 1, digits & -digits)
    zeros = np.frexp(lowest.astype(np.float64))[1] - 1
    return digits >> zeros, np.where(digits == 0, 0, exponents.astype(np.int64) - MANTISSA_BITS + zeros)
