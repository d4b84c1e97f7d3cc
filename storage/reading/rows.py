"""Rows that have types of their own: what Parquet, Arrow IPC and Avro files hold."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Consecutive rows of one file.

    Attributes:
        file: Position of the file in the batch, from 0.
        first: How many rows of the file come before, so that a row's record number is `first + i + 1`.
        batch: At least one row, validated in full, UTF-8 included, in memory of its own. The columns are the
            file's: names may be there twice, types are those of Arrow.
    """

    file: int
    first: int
    batch: pa.RecordBatch
