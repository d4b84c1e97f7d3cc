"""Rows that the table cannot take: into the quarantine, as what the transforms made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from storage.tables.quarantine.commit import QuarantineWriter

BAD_PARTITION: Final = "unstorable_partition_value"


@dataclass
class Unstorable:
    """Puts rows that the table cannot take into the quarantine, and counts them; from any thread."""

    quarantine: QuarantineWriter
    rows: int = 0
    lock: Lock = field(default_factory=Lock)

    def take(self, bad: pl.DataFrame) -> None:
        """Rows that no partition can hold; called by the table's writer, in its own thread."""
        self.put(bad, BAD_PARTITION)

    def put(self, bad: pl.DataFrame, reason: str, columns: pl.Series | None = None) -> None:
        """Any rows, and for each the column that is to blame, if it is one."""
        self.quarantine.add(_copies(bad, reason, columns))
        with self.lock:
            self.rows += bad.height


def _copies(rows: pl.DataFrame, reason: str, columns: pl.Series | None) -> pl.DataFrame:
    """Rows as JSON for the quarantine: what transforms made has no record, file or line of its own."""
    from transforms.decode.typed.copies import copies  # not at the top: see `transforms.rows`

    batches = rows.to_arrow().to_batches()
    copied = [copies(batch, np.arange(batch.num_rows)) for batch in batches]
    text = pl.DataFrame({"raw": pa.chunked_array(copied, pa.large_binary())})
    return text.select(
        path=pl.lit(None, pl.String),
        record=pl.lit(None, pl.Int64),
        offset=pl.lit(None, pl.Int64),
        length=pl.col("raw").bin.size("b").cast(pl.Int64),
        reason=pl.lit(reason),
        column=pl.lit(None, pl.String) if columns is None else columns,
        raw="raw",
        header=pl.lit(None, pl.String),
    )
