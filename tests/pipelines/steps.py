"""Functions for `use:` steps of tests."""

from __future__ import annotations

import time
from collections.abc import Iterable

import polars as pl


def keep_kinds(frame: pl.LazyFrame, kinds: Iterable[str], column: str = "kind") -> pl.LazyFrame:
    """Rows of these kinds."""
    return frame.filter(pl.col(column).is_in(list(kinds)))


def add(frame: pl.LazyFrame, name: str, value: int = 1) -> pl.LazyFrame:
    """One more column, always the same."""
    return frame.with_columns(pl.lit(value, pl.Int64).alias(name))


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """What no step may do."""
    return frame.collect()


def fail(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Fails while the query is made."""
    raise ZeroDivisionError(f"no luck with {type(frame).__name__}")


def fail_on_rows(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Fails while the rows pass."""
    return frame.with_columns(pl.col("kind").cast(pl.Int64))


def divide_rows_by_zero(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Fails while the rows pass, with an error that is not of Polars."""
    return frame.map_batches(lambda rows: rows.head(1 // (rows.height * 0)))


def leave(_frame: pl.LazyFrame) -> pl.LazyFrame:
    """Ends the process, as if all had gone well."""
    raise SystemExit(0)


def leave_on_rows(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The same while the rows pass."""
    return frame.map_batches(leave)  # type: ignore[arg-type]  # whatever it takes, it gives nothing


def make_objects(frame: pl.LazyFrame) -> pl.LazyFrame:
    """One Python object for each row, as no code of ours may do, for long enough to be seen."""

    def keep(rows: pl.DataFrame) -> pl.DataFrame:
        held = rows["id"].cast(pl.Float64).to_list()
        time.sleep(0.2)
        return rows if held else rows.clear()

    return frame.map_batches(keep)


NOT_A_FUNCTION = 1


def dawdle(frame: pl.LazyFrame, seconds: float) -> pl.LazyFrame:
    """Takes so long with each chunk of rows that passes."""

    def wait(rows: pl.DataFrame) -> pl.DataFrame:
        time.sleep(seconds)
        return rows

    return frame.map_batches(wait, streamable=True)
