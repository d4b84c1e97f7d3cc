"""Refused records: what they were, where, and why. Arrays, and rows of a frame only once there are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from transforms.records import LINE, NOWHERE, PART, Copies

REFUSED_SCHEMA: Final = pl.Schema(
    {
        PART: pl.Int32(),  # of the block
        LINE: pl.Int64(),  # in that part, from 0
        "offset": pl.Int64(),  # bytes from the start of the block; null for rows, which have none
        "raw": pl.Binary(),  # the record as it came, without its line ending; of a row, a copy in JSON
        "reason": pl.String(),
        "column": pl.String(),  # a dotted path; null for the record as a whole
    }
)

Explain = Callable[[int], tuple[str, str | None]]
"""The reason and the column that a cause stands for."""


@dataclass(frozen=True, eq=False)
class Refused:
    """Refused records of one block, or of several, in no particular order; a slot for each.

    causes: why; numbers that `explain` knows.
    """

    copies: Copies
    causes: NDArray[np.int64]
    explain: Explain

    def __len__(self) -> int:
        return len(self.causes)

    def frame(self) -> pl.DataFrame:
        """Rows of REFUSED_SCHEMA."""
        offsets = pl.Series(self.copies.offsets)
        if (self.copies.offsets == NOWHERE).any():
            offsets = offsets.set(pl.Series(self.copies.offsets == NOWHERE), None)
        known, which = np.unique(self.causes, return_inverse=True)
        explained = [self.explain(int(cause)) for cause in known]
        at = pl.Series(which.astype(np.uint32))
        return pl.DataFrame(
            {
                PART: self.copies.parts,
                LINE: self.copies.lines,
                "offset": offsets,
                "raw": pl.Series(self.copies.raw, dtype=pl.Binary),
                "reason": pl.Series([reason for reason, _ in explained], dtype=pl.String).gather(at),
                "column": pl.Series([column for _, column in explained], dtype=pl.String).gather(at),
            },
            schema=REFUSED_SCHEMA,
        )


def joined(some: Sequence[Refused]) -> Refused:
    """All of them, at least one; they must be refused under one contract."""
    if len(some) == 1:
        return some[0]
    copies = Copies(
        parts=np.concatenate([one.copies.parts for one in some]),
        lines=np.concatenate([one.copies.lines for one in some]),
        offsets=np.concatenate([one.copies.offsets for one in some]),
        raw=pa.concat_arrays([one.copies.raw for one in some]),
    )
    return Refused(copies, np.concatenate([one.causes for one in some]), some[0].explain)
