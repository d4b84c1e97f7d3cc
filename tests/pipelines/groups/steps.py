"""Python steps that give other rows than those they get."""

from __future__ import annotations

import polars as pl


def with_a_row_more(rows: pl.LazyFrame) -> pl.LazyFrame:
    """All rows, and one that is always the same."""
    return pl.concat([rows, rows.collect_schema().to_frame(eager=False).clear(1)])


def one_row(rows: pl.LazyFrame) -> pl.LazyFrame:
    """One row, whatever comes."""
    return rows.select(pl.lit(1, pl.Int64).alias("id"))


def one_row_again(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The same, through a function that keeps rows as they are."""
    return one_row(rows).map_batches(lambda frame: frame, streamable=True)
