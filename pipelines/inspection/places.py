"""Bounds of any type as places between 0 and 1, in their order."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

_TEXT_BYTES: Final = 16
"""Behind what all texts begin with; of these as many as float64 tells apart: 6 of any bytes, 15 digits."""
_EXACT: Final = 2.0**53


def places(low: pl.Series, high: pl.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where `low` and `high` lie between the least and the greatest of them; NaN for null.

    Even for numbers and times. Texts lie by the bytes behind what all of them begin with, each byte between
    the least and the greatest there, so that digits are spread as numbers are. Infinite bounds, and NaN, lie
    at the ends. A place is rounded: bounds that are nearly the same may share one.
    """
    starts, ends = _numbers(low, high)
    finite = np.concatenate([starts[np.isfinite(starts)], ends[np.isfinite(ends)]])
    if not len(finite):
        return starts * 0, ends * 0
    first, span = finite.min(), finite.max() - finite.min()
    scale = 1 / span if span and np.isfinite(1 / span) else 0.0
    return ((np.clip(starts, first, finite.max()) - first) * scale), (
        (np.clip(ends, first, finite.max()) - first) * scale
    )


def _numbers(low: pl.Series, high: pl.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if low.dtype == pl.String:
        return _texts(low, high)
    if low.dtype.is_temporal():
        low, high = low.to_physical(), high.to_physical()
    if low.dtype.is_float():
        high = high.fill_nan(float("inf"))
    starts, ends = (one.cast(pl.Float64).to_numpy().astype(np.float64) for one in (low, high))
    return starts, ends


def _texts(low: pl.Series, high: pl.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    least, greatest = low.min(), high.max()
    if not isinstance(least, str) or not isinstance(greatest, str):
        return np.full(len(low), np.nan), np.full(len(high), np.nan)
    shared = _shared(least.encode(), greatest.encode())
    tails = [_bytes(one, shared) for one in (low, high)]
    known = np.concatenate(
        [tail[one.is_not_null().to_numpy()] for one, tail in zip((low, high), tails, strict=True)]
    )
    first, radix = known.min(axis=0), np.ptp(known, axis=0).astype(np.float64) + 1
    below = np.cumprod(radix)
    exact = below <= _EXACT
    weights = np.where(exact, below[exact][-1] / below, 0)  # whole numbers, so that sums are exact
    starts, ends = ((tail - first.astype(np.float64)) @ weights for tail in tails)
    starts[low.is_null().to_numpy()] = ends[high.is_null().to_numpy()] = np.nan
    return starts, ends


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _bytes(texts: pl.Series, shared: int) -> NDArray[np.uint8]:
    """A row of bytes for each text: those behind the `shared` ones, zeros behind the end."""
    tails = [(text or "").encode()[shared : shared + _TEXT_BYTES].ljust(_TEXT_BYTES, b"\0") for text in texts]
    return np.frombuffer(b"".join(tails), np.uint8).reshape(-1, _TEXT_BYTES)
