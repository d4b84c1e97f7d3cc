"""Frames for property tests: every type a table can hold, at its extremes, nested, with nulls."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import strategies as st

_LONG_RUNS = st.builds(
    lambda character, times, end: character * times + end,
    st.sampled_from(["a", "\x7f", "é", "\ud7ff", "\uffff", "\U0010ffff", "\x00", '"', "\\"]),
    st.integers(0, 70),
    st.text(max_size=3),
)
TEXTS = st.one_of(st.text(max_size=5), _LONG_RUNS)

_INT64 = st.one_of(st.sampled_from([-(2**63), 2**63 - 1, 2**53 + 1, 0]), st.integers(-(2**63), 2**63 - 1))
_LAST_US = 253_402_300_799_999_999
_FIRST_US = -62_135_596_800_000_000
_MICROSECONDS = st.one_of(
    st.sampled_from([_FIRST_US, _LAST_US, -1, 0, -1_001]), st.integers(_FIRST_US, _LAST_US)
)
_DAYS = st.one_of(st.sampled_from([-719_162, 2_932_896, -1]), st.integers(-719_162, 2_932_896))

VALUES: dict[pl.DataType, st.SearchStrategy[Any]] = {
    pl.Boolean(): st.booleans(),
    pl.Int8(): st.integers(-128, 127),
    pl.Int64(): _INT64,
    pl.Float32(): st.floats(width=32),
    pl.Float64(): st.one_of(st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308]), st.floats()),
    pl.Decimal(9, 2): st.integers(-(10**9) + 1, 10**9 - 1),
    pl.Decimal(18, 0): st.integers(-(10**18) + 1, 10**18 - 1),
    pl.Decimal(38, 6): st.integers(-(10**38) + 1, 10**38 - 1),
    pl.String(): TEXTS,
    pl.Categorical(): TEXTS,
    pl.Binary(): st.binary(max_size=4),
    pl.Date(): _DAYS,
    pl.Datetime("us", "UTC"): _MICROSECONDS,
    pl.Datetime("us"): _MICROSECONDS,
}
"""Type -> what its values are drawn from: the number behind a date or timestamp, the digits of a decimal."""


def series(dtype: pl.DataType, physical: list[Any]) -> pl.Series:
    """A column of `dtype` from what `VALUES` draws."""
    if isinstance(dtype, pl.Decimal):
        digits = [None if one is None else f"{one}e{-dtype.scale}" for one in physical]
        return pl.Series([None if one is None else _plain(one) for one in digits], dtype=pl.String).cast(
            dtype
        )
    if isinstance(dtype, pl.Date):
        return pl.Series(physical, dtype=pl.Int32).cast(dtype)
    if isinstance(dtype, pl.Datetime):
        return pl.Series(physical, dtype=pl.Int64).cast(dtype)
    return pl.Series(physical, dtype=dtype)


def _plain(text: str) -> str:
    """Decimal digits without an exponent, exactly."""
    digits, _, exponent = text.partition("e")
    sign, digits, places = ("-" if digits.startswith("-") else ""), digits.lstrip("-"), -int(exponent)
    digits = digits.rjust(places + 1, "0")
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


@st.composite
def columns(draw: st.DrawFn, dtype: pl.DataType, *, rows: int) -> pl.Series:
    """One column of `rows` values, some of them null."""
    return series(dtype, draw(st.lists(st.none() | VALUES[dtype], min_size=rows, max_size=rows)))


@st.composite
def tables(draw: st.DrawFn, *, parts: int = 3, lists: bool = True) -> list[pl.DataFrame]:
    """`parts` frames of 0 to 6 rows: `x` of any type, and `row`, which counts.

    Half of the time `x` is in a nullable struct `s`, beside a list of it and a field with a dotted name.

    Args:
        lists: Whether the struct may hold a list, or binary, which has no bounds either.
    """
    dtype = draw(st.sampled_from(list(VALUES)))
    nested = draw(st.booleans()) and (lists or not isinstance(dtype, pl.Binary))
    frames, first = [], 0
    for _ in range(parts):
        rows = draw(st.integers(0, 6))
        x = draw(columns(dtype, rows=rows)).alias("x")
        row = pl.int_range(first, first + rows, eager=True).alias("row")
        frame = pl.DataFrame([x, row])
        if nested:
            present = pl.Series("p", draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), pl.Boolean)
            beside = [pl.col("row").alias("a.b"), *([pl.concat_list("x").alias("l")] if lists else [])]
            inside = frame.select(s=pl.struct("x", *beside))
            frame = inside.with_columns(s=pl.when(present).then("s")).with_columns(row)
        frames.append(frame)
        first += rows
    return frames
