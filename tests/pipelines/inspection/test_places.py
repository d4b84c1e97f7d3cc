"""Bounds of every type keep their order as places."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given

from pipelines.inspection.places import places

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([-5, 0, 5], pl.Int8()),
        ([1.0, 2.0, 3.0], pl.Float64()),
        ([False, True], pl.Boolean()),
        ([Decimal("1.25"), Decimal("2.50"), Decimal("3.75")], pl.Decimal(9, 2)),
        ([dt.date(2026, 1, day) for day in (1, 2, 3)], pl.Date()),
        ([dt.datetime(2026, 1, day, tzinfo=dt.UTC) for day in (1, 2, 3)], pl.Datetime("us", "UTC")),
        (["row-1", "row-2", "row-3"], pl.String()),
    ],
)
def test_places_of_even_values_are_even(values: list[Any], dtype: pl.DataType) -> None:
    series = pl.Series(values, dtype=dtype)

    start, end = places(series, series)

    assert start.tolist() == pytest.approx(np.linspace(0, 1, len(values)).tolist())
    assert (start == end).all()


def test_places_of_infinite_bounds_are_the_ends() -> None:
    start, end = places(pl.Series([-INF, 0.0, 5.0]), pl.Series([1.0, NAN, 10.0]))

    assert (start.tolist(), end.tolist()) == ([0, 0, 0.5], [0.1, 1, 1])


def test_places_of_one_value_are_all_the_same() -> None:
    start, end = places(pl.Series(["a", "a"]), pl.Series(["a", "a"]))

    assert (start.tolist(), end.tolist()) == ([0, 0], [0, 0])


@pytest.mark.parametrize("dtype", [pl.String(), pl.Int64(), pl.Float64()])
def test_places_of_nothing_are_none(dtype: pl.DataType) -> None:
    empty = pl.Series([], dtype=dtype)

    assert [len(one) for one in places(empty, empty)] == [0, 0]


@given(st.lists(st.text(max_size=5), min_size=1))
def test_places_of_texts_are_in_the_order_of_their_bytes(texts: list[str]) -> None:
    series = pl.Series(sorted(texts, key=str.encode))

    start, _ = places(series, series)

    assert (np.diff(start) >= 0).all()
    assert 0 <= start.min() <= start.max() <= 1
