"""Bounds of a column as text that every reader of the log takes for at least as wide as they are."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.layout.bounds import BOUND_CHARACTERS, lower_bound, upper_bound
from tests.storage.layout.frames import TEXTS


@pytest.mark.parametrize(
    ("dtype", "raw", "text"),
    [
        (pl.Boolean(), False, "false"),
        (pl.Int64(), -(2**63), "-9223372036854775808"),
        (pl.Float64(), -0.0, "-0.0"),
        (pl.Float64(), 5e-324, "5e-324"),
        (pl.Float64(), float("inf"), None),
        (pl.Float64(), float("-inf"), None),
        (pl.Decimal(5, 2), -150, "-1.50"),
        (pl.Decimal(38, 2), (10**37 + 1).to_bytes(16, "big", signed=True), "1" + "0" * 34 + "0.01"),
        (pl.Decimal(38, 38), (-1).to_bytes(16, "big", signed=True), "-0." + "0" * 37 + "1"),
        (pl.Date(), -1, '"1969-12-31"'),
        (pl.Date(), -719_162, '"0001-01-01"'),
        (pl.Date(), -719_163, None),
        (pl.Date(), 2_932_897, None),
        (pl.Datetime("us", "UTC"), -1, '"1969-12-31T23:59:59.999999Z"'),
        (pl.Datetime("us"), 0, '"1970-01-01T00:00:00.000000"'),
        (pl.Datetime("us"), 2**63 - 1, None),
        (pl.String(), "é𠮷".encode(), '"é𠮷"'),
    ],
)
def test_bounds_of_short_values_are_exact(dtype: pl.DataType, raw: Any, text: str | None) -> None:
    assert lower_bound(dtype, [raw]) == upper_bound(dtype, [raw]) == text


def test_bounds_span_all_row_groups() -> None:
    wide = pl.Decimal(38, 0)
    raw = [value.to_bytes(16, "big", signed=True) for value in (-5, 3, 200)]

    assert (lower_bound(wide, raw), upper_bound(wide, raw)) == ("-5", "200")
    assert (lower_bound(pl.Int8(), [3, -4]), upper_bound(pl.Int8(), [3, -4])) == ("-4", "3")


@pytest.mark.parametrize(
    ("maximum", "bound"),
    [
        ("a" * 32, "a" * 32),
        ("a" * 33, "a" * 31 + "b"),
        ("a" * 31 + "\ud7ff" + "x", "a" * 31 + "\ue000"),
        ("a" * 30 + "\U0010ffff" * 9, "a" * 29 + "b"),
        ("\U0010ffff" * 32, "\U0010ffff" * 32),
        ("\U0010ffff" * 33, None),
    ],
)
def test_upper_bound_of_long_text_is_the_next_prefix(maximum: str, bound: str | None) -> None:
    text = upper_bound(pl.String(), [maximum.encode()])

    assert (None if text is None else json.loads(text)) == bound


@given(st.lists(TEXTS, min_size=1))
def test_bounds_of_text_hold_in_the_order_of_bytes(values: list[str]) -> None:
    raw = [value.encode() for value in values]

    low, high = lower_bound(pl.String(), raw), upper_bound(pl.String(), raw)

    assert low is not None
    assert json.loads(low).encode() <= min(raw)
    assert len(json.loads(low)) <= BOUND_CHARACTERS
    assert high is None or (
        max(raw) <= json.loads(high).encode() and len(json.loads(high)) <= BOUND_CHARACTERS
    )


@given(TEXTS.filter(bool), st.binary(max_size=3))
def test_bounds_of_text_hold_where_a_writer_cut_a_character(text: str, cut: bytes) -> None:
    """Parquet writers may shorten a minimum, or raise the last byte of a maximum, within a character."""
    raw = text.encode() + cut

    low, high = lower_bound(pl.String(), [raw]), upper_bound(pl.String(), [raw])

    assert low is not None
    assert json.loads(low).encode() <= raw
    assert high is None or raw <= json.loads(high).encode()
