"""Minimum, maximum and null count of a leaf in one row group, where the footer does not tell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from storage.layout.leaves import Leaf


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """As `pyarrow.parquet.Statistics`, as far as the Delta log needs it.

    Attributes:
        null_count: Rows without a value, those of null structs included.
        num_values: Rows with one.
        has_min_max: Whether there are bounds.
        min_raw: The least value, as Parquet stores it; text as UTF-8.
        max_raw: The greatest.
    """

    null_count: int
    num_values: int
    has_min_max: bool = False
    min_raw: Any = None
    max_raw: Any = None


def seen(frame: pl.DataFrame, leaf: Leaf) -> GroupStatistics:
    """What the values themselves tell of a leaf outside of lists and maps; bounds of text alone."""
    assert leaf.values is not None
    values = frame.select(leaf.values).to_series()
    nulls, rows = values.null_count(), values.len()
    if nulls == rows or not isinstance(leaf.dtype, pl.String | pl.Categorical):
        return GroupStatistics(nulls, rows - nulls)
    text = values.cast(pl.String)
    low, high = str(text.min()).encode(), str(text.max()).encode()
    return GroupStatistics(nulls, rows - nulls, True, low, high)
