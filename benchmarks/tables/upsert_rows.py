"""Makes what upserts are measured on: `python -m benchmarks.tables.upsert_rows FOLDER ROWS`.

FOLDER gets `table`, a table of ROWS rows that came in 20 batches, and `changes/changes.parquet`, newer rows
for one of a hundred of its keys at random. Keys are whole numbers in no order, so that every batch holds keys
from everywhere, and some that change. Where FOLDER is there already, it is taken as it is.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.tables.build import once, progress, write_batches
from benchmarks.tables.rows import CHUNK_ROWS, KINDS
from config.table import Table

BATCHES = 20
_SHARE = 100
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_POSITIVE = np.uint64(2**63 - 1)


def people(numbers: NDArray[np.int64], seed: int, since: dt.datetime) -> pl.DataFrame:
    """Rows with the keys of these numbers; the rest is chance.

    Columns: `id`; `updated`, within a day of `since`; `name`; `kind`; `amount`, with cents.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    rows = len(numbers)
    return pl.DataFrame(
        {
            "id": (numbers.astype(np.uint64) * _SPREAD & _POSITIVE).astype(np.int64),
            "updated": random.integers(0, 86_400_000_000, rows) + int(since.timestamp()) * 1_000_000,
            "name": random.integers(2**50, 2**60, rows),
            "kind": KINDS.gather(random.integers(0, len(KINDS), rows)),
            "amount": random.integers(0, 10_000_000, rows) / 100,
        }
    ).with_columns(
        pl.from_epoch("updated", "us").dt.replace_time_zone("UTC"),
        pl.format("name {}", "name").alias("name"),
    )


def make(folder: Path, rows: int, batches: int = BATCHES) -> bool:
    """The table and the changes; whether the table is compacted."""
    table = Table(
        uri=str(folder / "table"), mode="upsert", key=("id",), order_by=("updated",), sort_by=("id",)
    )
    share = rows // batches
    old = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    frames = (
        (
            people(np.arange(first, min(first + CHUNK_ROWS, end)), first, old)
            for first in range(end - share, end, CHUNK_ROWS)
        )
        for end in range(share, rows + 1, share)
    )
    compacted = write_batches(table, frames, app_id="people")
    progress(folder, "changes")
    changed = np.random.Generator(np.random.PCG64(rows)).choice(rows, rows // _SHARE, replace=False)
    (folder / "changes").mkdir()
    newer = people(changed, rows, old + dt.timedelta(days=30))
    newer.write_parquet(folder / "changes" / "changes.parquet")
    return compacted


if __name__ == "__main__":
    once(Path(sys.argv[1]), lambda path: make(path, int(sys.argv[2])))
