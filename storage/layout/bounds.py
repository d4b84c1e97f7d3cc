"""A lower and an upper bound of a column, as the JSON text of Delta statistics.

A bound may be too wide, but never too narrow. Where none can be written, `None` says so: for infinities, for
years without four digits, and above text that begins with the last character of Unicode, over and over.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

BOUND_CHARACTERS = 32
"""Text is cut to so many characters in a bound, as Spark does: everyone reads the log, over and over."""

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - counted from, never shown; the zone is written by hand
_LAST_CHARACTER = chr(0x10FFFF)


def lower_bound(dtype: pl.DataType, minima: Sequence[Any]) -> str | None:
    """JSON text of a value that no value of the column is less than, or None where it cannot be written.

    Args:
        dtype: The column's type, any but binary.
        minima: The minimum of each row group as Parquet stores it: bool, int, float, or bytes; at least one.
    """
    if isinstance(dtype, pl.String | pl.Categorical):
        return json_text(_clean_prefix(min(minima)))  # a prefix never sorts after the whole
    return _json_text(dtype, min(_comparable(dtype, one) for one in minima))


def upper_bound(dtype: pl.DataType, maxima: Sequence[Any]) -> str | None:
    """JSON text of a value that no value of the column is greater than; the rest as for `lower_bound`."""
    if isinstance(dtype, pl.String | pl.Categorical):
        text = _text_at_least(max(maxima))
        return None if text is None else json_text(text)
    return _json_text(dtype, max(_comparable(dtype, one) for one in maxima))


def json_text(text: str) -> str:
    """A JSON string with characters as they are: of two escapes for one, delta-rs 1.6.3 makes another one."""
    return json.dumps(text, ensure_ascii=False)


def _comparable(dtype: pl.DataType, raw: Any) -> Any:
    """Parquet stores decimals of more than 18 digits as two's complement, big end first."""
    if isinstance(dtype, pl.Decimal) and isinstance(raw, bytes):
        return int.from_bytes(raw, "big", signed=True)
    return raw


def _json_text(dtype: pl.DataType, value: Any) -> str | None:
    if isinstance(dtype, pl.Date):
        return _date_text(value)
    if isinstance(dtype, pl.Datetime):
        return _timestamp_text(value, zoned=dtype.time_zone is not None)
    if isinstance(dtype, pl.Decimal):
        return f"{Decimal(f'{value}e{-dtype.scale}'):f}"  # arithmetic would round to 28 digits
    if dtype.is_float():
        return repr(float(value)) if math.isfinite(value) else None  # JSON has no infinity
    return json.dumps(value)  # true, false, or all digits of a whole number


def _date_text(days: int) -> str | None:
    """ISO 8601 has four digits for the year; other years have no text that all readers take."""
    ordinal = days + _EPOCH.toordinal()
    if not 1 <= ordinal <= dt.date.max.toordinal():
        return None
    return json.dumps(dt.date.fromordinal(ordinal).isoformat())


def _timestamp_text(microseconds: int, *, zoned: bool) -> str | None:
    try:
        moment = _EPOCH + dt.timedelta(microseconds=microseconds)
    except OverflowError:
        return None
    return json.dumps(moment.isoformat(timespec="microseconds") + ("Z" if zoned else ""))


def _text_at_least(maximum: bytes) -> str | None:
    """The whole, or its prefix made greater than all that begin with it; None where nothing is greater."""
    prefix = _clean_prefix(maximum)
    return prefix if prefix.encode() == maximum else _successor(prefix)


def _clean_prefix(raw: bytes) -> str:
    """The first characters of `raw`, which Parquet writers may have cut, or raised, in the middle of one."""
    head = raw[: 4 * BOUND_CHARACTERS]
    try:
        text = head.decode()
    except UnicodeDecodeError as exc:
        text = head[: exc.start].decode()
    return text[:BOUND_CHARACTERS]


def _successor(prefix: str) -> str | None:
    """The least text greater than all that begin with `prefix`, in code point order, as UTF-8 bytes sort."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    # Surrogates are no characters: the one after U+D7FF is U+E000.
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)
