"""Rows that come sorted from many files, as one sorted stream: memory is bounded by a piece of each.

Nothing but the order rests on the runs being sorted: rows that are out of place stay so, and none is lost.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import polars as pl


def merged(runs: Sequence[Iterator[pl.DataFrame]], keys: Sequence[pl.Expr]) -> Generator[pl.DataFrame]:
    """The rows of all runs in the order of `keys`, ascending, nulls first, as a stream of frames.

    Without keys the runs come one after the other, as they are.

    Args:
        runs: Each one sorted, of the same columns; empty frames are allowed.
        keys: Plain values of the columns.
    """
    if not keys:
        for run in runs:
            yield from run
        return
    named = [key.alias(str(number)) for number, key in enumerate(keys)]
    heads = [head for run in runs if (head := _Head(run, named)).loaded()]
    while heads:
        bound = pl.concat([head.last for head in heads]).sort(pl.all()).head(1)
        below = up_to(named, bound)
        taken = [head.take(below) for head in heads]
        yield pl.concat(taken).sort(keys, maintain_order=True)
        heads = [head for head in heads if head.loaded()]


class _Head:
    """The piece of a run that is in memory.

    Attributes:
        last: The keys of its last row.
    """

    def __init__(self, run: Iterator[pl.DataFrame], keys: Sequence[pl.Expr]) -> None:
        self._run, self._keys = run, keys
        self._rows = pl.DataFrame()
        self.last = pl.DataFrame()

    def loaded(self) -> bool:
        """Whether there are rows, after the next piece has been read where that was necessary."""
        while self._rows.is_empty():
            piece = next(self._run, None)
            if piece is None:
                return False
            self._rows = piece
            # Of all rows, not of the last one alone: where a run is not sorted, no row comes too early.
            self.last = piece.select(self._keys).sort(pl.all()).tail(1)
        return True

    def take(self, below: pl.Expr) -> pl.DataFrame:
        """The rows that are not above the bound; they are gone from here."""
        chosen = self._rows.select(below).to_series()
        taken, self._rows = self._rows.filter(chosen), self._rows.filter(~chosen)
        return taken


def up_to(keys: Sequence[pl.Expr], bound: pl.DataFrame) -> pl.Expr:
    """Whether the keys of a row are not greater than those of the one row of `bound`; never null."""
    values = [pl.lit(column).first() for column in bound.get_columns()]
    pairs = list(zip(keys, values, strict=True))
    below: pl.Expr = pl.lit(True)
    for key, value in reversed(pairs):
        below = _less(key, value) | (key.eq_missing(value) & below)
    return below


def _less(key: pl.Expr, value: pl.Expr) -> pl.Expr:
    """Null is less than all else, and NaN greater, as Polars sorts."""
    return pl.when(value.is_null()).then(False).otherwise(key.is_null() | (key < value).fill_null(True))
