"""Rows of files in no order, as one sorted run: each pass reads all of them, and keeps a range of keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from storage.layout.frame_memory import compacted
from storage.maintenance.file_rows import PIECE_ROWS, FileRows
from storage.maintenance.sorted_runs import up_to

_SAMPLE: Final = 64
"""One row of so many tells where ranges end."""


def by_passes(
    files: Sequence[FileRows], keys: Sequence[pl.Expr], rows: int, pass_rows: int
) -> Iterator[pl.DataFrame]:
    """All rows of `files` in pieces, in the order of `keys`; lazy. Every pass reads every file.

    A range may hold more rows than were meant, of equal keys above all. Then they come in several parts, each
    of them sorted: memory stays bounded, and where their keys are not all equal, the order is not perfect.

    Args:
        rows: How many there are, about.
        pass_rows: How many may be in memory, about; twice as many at most.
    """
    named = [key.alias(str(number)) for number, key in enumerate(keys)]
    bounds = _bounds(files, named, -(-rows // max(1, pass_rows)))
    below: pl.Expr = pl.lit(False)
    for bound in [*bounds.iter_slices(1), None]:
        within = pl.lit(True) if bound is None else up_to(named, bound)
        yield from _range(files, keys, within & ~below, pass_rows)
        below = within


def _range(
    files: Sequence[FileRows], keys: Sequence[pl.Expr], chosen: pl.Expr, most: int
) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    for file in files:
        for frame in file.frames():
            held.append(compacted(frame.filter(chosen)))  # text would keep that of all rows in memory
            if sum(one.height for one in held) >= 2 * most:
                yield from _sorted(held, keys)
    yield from _sorted(held, keys)


def _sorted(held: list[pl.DataFrame], keys: Sequence[pl.Expr]) -> Iterator[pl.DataFrame]:
    """The frames as one, sorted, in pieces; the list is empty then."""
    if held:
        rows = pl.concat(held).sort(keys, maintain_order=True)
        held.clear()
        yield from rows.iter_slices(PIECE_ROWS)


def _bounds(files: Sequence[FileRows], keys: Sequence[pl.Expr], passes: int) -> pl.DataFrame:
    """The greatest keys of each range but the last, by a sample of the rows."""
    sample = [frame.gather_every(_SAMPLE).select(keys) for file in files for frame in file.frames()]
    if not sample or passes < 2:
        return pl.DataFrame()
    found = pl.concat(sample).sort(pl.all())
    places = [found.height * number // passes for number in range(1, passes)]
    return found[places].unique(maintain_order=True)
