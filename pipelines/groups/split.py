"""The files of a batch in groups that take about the same time."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

SMALLEST_BYTES: Final = 8 * 2**20
"""As stored: a smaller group is not worth a task, and its files are not worth a reader's while."""


def split(files: pl.DataFrame, most: int, smallest_bytes: int = SMALLEST_BYTES) -> list[pl.DataFrame]:
    """`files` cut into runs, in their order, of about the same bytes; the same for the same arguments.

    Args:
        files: Of a batch, at least one; the column `size`, in bytes.
        most: Groups, at most; fewer where they would come to less than `smallest_bytes`.
    """
    sizes = files["size"].to_numpy().astype(np.float64) + 1  # empty files are files too
    ends = np.cumsum(sizes)
    groups = max(1, min(most, files.height, int(ends[-1] // max(1, smallest_bytes))))
    middles = ends - sizes / 2
    numbers = np.minimum((middles * groups / ends[-1]).astype(np.int64), groups - 1)
    firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
    lengths = np.diff(firsts, append=files.height)
    return [files.slice(int(first), int(length)) for first, length in zip(firsts, lengths, strict=True)]
