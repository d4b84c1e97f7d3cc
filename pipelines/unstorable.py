"""Rows that no partition of the table can hold: into the quarantine, as what the transforms made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from storage.tables.quarantine import QuarantineWriter


@dataclass
class Unstorable:
    """Puts rows that no partition can hold into the quarantine, and counts them."""

    quarantine: QuarantineWriter
    rows: int = 0

    def take(self, bad: pl.DataFrame) -> None:
        """Called by the table's writer, in its own thread."""
        self.quarantine.add(_copies(bad))
        self.rows += bad.height


def _copies(rows: pl.DataFrame) -> pl.DataFrame:
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
        reason=pl.lit("unstorable_partition_value"),
        column=pl.lit(None, pl.String),
        raw="raw",
        header=pl.lit(None, pl.String),
    )
