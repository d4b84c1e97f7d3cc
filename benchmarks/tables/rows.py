"""Generates the rows of the tables that are read, batch by batch; the same arguments give the same rows.

A batch holds a few days. Its rows come in no order, as the files of many producers do, so that they are about
evenly spread over the days of the batch and over their hours. About 25 bytes a row, once compressed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

FIRST_DAY = dt.date(2026, 1, 1)
USERS = 200_000
KINDS = pl.Series(["view", "click", "scroll", "search", "cart", "order", "refund", "login"])
CHUNK_ROWS = 500_000
_MICROSECONDS = 24 * 60 * 60 * 1_000_000


@dataclass(frozen=True)
class Rows:
    """So many rows, over so many days, of which the first `used_days` are generated; all unless told.

    Columns: `user_id`, one of `USERS`; `ts`, a moment of the `day`; `type`; `value`, with cents; `payload`,
    of digits that nothing compresses much.
    """

    total: int
    days: int = 100
    days_per_batch: int = 5
    used_days: int | None = None

    @property
    def batches(self) -> int:
        """How many."""
        return (self.used_days or self.days) // self.days_per_batch

    def batch(self, number: int) -> Iterator[pl.DataFrame]:
        """The rows of a batch, from 0, some at a time."""
        random = np.random.Generator(np.random.PCG64([number, self.total]))
        left = self.total * self.days_per_batch // self.days
        while left:
            rows = min(left, CHUNK_ROWS)
            yield self._some(random, rows, number * self.days_per_batch)
            left -= rows

    def _some(self, random: np.random.Generator, rows: int, first_day: int) -> pl.DataFrame:
        first = dt.datetime.combine(FIRST_DAY, dt.time(), dt.UTC) + dt.timedelta(days=first_day)
        moments = random.integers(0, self.days_per_batch * _MICROSECONDS, rows)
        return pl.DataFrame(
            {
                "user_id": random.integers(0, USERS, rows),
                "ts": moments + int(first.timestamp()) * 1_000_000,
                "type": KINDS.gather(random.integers(0, len(KINDS), rows)),
                "value": random.integers(0, 10_000_000, rows) / 100,
                "payload": random.integers(2**60, 2**63, rows),
            }
        ).with_columns(
            pl.from_epoch("ts", "us").dt.replace_time_zone("UTC"),
            pl.from_epoch("ts", "us").dt.date().alias("day"),
            pl.col("payload").cast(pl.String),
        )


def day(number: int) -> dt.date:
    """The day with that number, from 0."""
    return FIRST_DAY + dt.timedelta(days=number)
