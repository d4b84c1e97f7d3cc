"""Rows along a Z-order curve."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from storage.layout.z_order import z_ordered
from tests.storage.layout.frames import tables

_ROWS = 20_000
_GROUP = 1_250


def scattered() -> pl.DataFrame:
    n = pl.int_range(_ROWS, eager=True)
    return pl.DataFrame(
        {
            "row": n,
            "a": n * 7_919 % 20_011,
            "b": pl.Series([f"https://example.org/{one * 6_007 % 19_997:05}" for one in range(_ROWS)]),
            "s": pl.DataFrame({"x": (n * 104_729 % 10_007).cast(pl.Float64) ** 3}).to_struct(),
            "few": n % 3,
        }
    )


def width(frame: pl.DataFrame, key: pl.Expr) -> float:
    """How much of all values a group of rows spans, of 1, on average."""
    ranks = frame.select(key.rank("dense").alias("rank")).with_row_index("place")
    spans = ranks.group_by(pl.col("place") // _GROUP).agg(pl.col("rank").max() - pl.col("rank").min())
    return float(spans.select(pl.col("rank").mean()).item() / ranks.select(pl.col("rank").max()).item())


@settings(max_examples=40, deadline=None)
@given(frames=tables(parts=1), data=st.data())
def test_z_ordered_is_a_permutation(frames: list[pl.DataFrame], data: st.DataObject) -> None:
    frame = frames[0].with_row_index("place")
    plain = [name for name, kind in frame.schema.items() if not kind.is_nested()]
    paths = data.draw(st.lists(st.sampled_from(plain), min_size=1, max_size=8, unique=True))

    ordered = z_ordered(frame, paths)

    assert_frame_equal(ordered.sort("place"), frame)


@pytest.mark.parametrize(
    ("paths", "at_most"), [(["a", "b"], 0.35), (["a", "b", "s.x"], 0.6), (["few", "a", "b"], 0.7)]
)
def test_z_ordered_narrows_the_range_of_each_column(paths: list[str], at_most: float) -> None:
    frame = scattered()

    ordered = z_ordered(frame, paths)

    for path in paths[-2:]:
        top, _, field = path.partition(".")
        key = pl.col(top).struct.field(field) if field else pl.col(top)
        assert width(frame, key) > 0.95
        assert width(ordered, key) < at_most


def test_z_ordered_puts_nulls_first_and_keeps_the_order_of_equals() -> None:
    frame = pl.DataFrame({"x": [2, None, 1, 2, None], "row": range(5)})

    assert z_ordered(frame, ["x"])["row"].to_list() == [1, 4, 2, 0, 3]


def test_z_ordered_by_nothing_is_the_same() -> None:
    assert z_ordered(scattered(), []).equals(scattered())
