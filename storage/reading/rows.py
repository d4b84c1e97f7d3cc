"""Rows of a file whose format says which types its columns have."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Consecutive rows of one file.

    Attributes:
        file: Position of the file in the batch, from 0.
        first: How many rows of the file came before.
        batch: At least one row; validated in full, text and offsets included, and in memory of its own.
    """

    file: int
    first: int
    batch: pa.RecordBatch
