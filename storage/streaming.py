"""The rows of a lazy frame as a stream of frames that never ends before its end in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

_LAST: Final = "\0last"
"""A column that no table has: true for a row of our own behind all others."""


def streamed(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows of `rows` in their order, some megabytes a frame, none of them empty; by the streaming engine.

    SIGINT cancels the queries of Polars. One that is collected raises a KeyboardInterrupt; but the batches of
    `collect_batches`, whose query runs in a thread of Polars, just end, as if there were no more (Polars
    2.1.0, where Python's handler was there before Polars was imported, as it is by default): a batch would be
    committed without the rest of its rows. So a row of our own comes last, and a stream without it was cut.

    Raises:
        KeyboardInterrupt: The query was cancelled, in whatever thread this runs.
        PolarsError: The query failed, or what a function in it raised.
    """
    end = pl.LazyFrame({_LAST: [True]})
    marked = pl.concat([rows.with_columns(pl.lit(False).alias(_LAST)), end], how="diagonal")
    is_whole = False
    for frame in marked.collect_batches(maintain_order=True, engine="streaming"):
        is_whole = bool(frame[_LAST].any())
        if height := frame.height - is_whole:
            yield frame.head(height).drop(_LAST)
    if not is_whole:
        raise KeyboardInterrupt
