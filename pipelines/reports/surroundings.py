"""What is around a batch that is committed: its table, its refused records, the batches before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.reports.last_batches import PastBatch, last_batches
from storage.tables.log.versions import TableSize, open_version, size_of
from storage.tables.quarantine.records import quarantine_rows, quarantine_uri, refused_among
from storage.upstream import translated

RECORDS: Final = 5
_LONGEST_RAW: Final = 1024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is there around a batch.

    Attributes:
        version: Of the table, the newest.
        size: Of that version.
        batches: The last ones, oldest first.
        refused: Some of the records that the batch refused: the columns of `REFUSED_SCHEMA`, of `raw` the
            first KiB; in the order in which they lie in the files of the quarantine.
    """

    version: int
    size: TableSize
    batches: list[PastBatch]
    refused: pl.DataFrame


def look_around(table_uri: str, pipeline: str, batch: int, *, refused: bool) -> Surroundings:
    """Looks; reads the log of the table, its last 40 commits, and the first row group of what was refused.

    Args:
        table_uri: The table's.
        pipeline: Whose batch it is.
        batch: The number of one that is committed.
        refused: Whether it refused records; else none are looked for.

    Raises:
        StorageError: One of them cannot be read.
    """
    table = open_version(table_uri)
    return Surroundings(
        version=table.version(),
        size=size_of(table),
        batches=last_batches(table, pipeline),
        refused=first_refused(table_uri, pipeline, batch, RECORDS if refused else 0),
    )


def first_refused(table_uri: str, pipeline: str, batch: int, limit: int) -> pl.DataFrame:
    """At most `limit` records that `batch` refused, see `Surroundings`; opens no quarantine for none.

    Raises:
        StorageError: The quarantine cannot be read.
    """
    if not limit:
        return pl.DataFrame()
    rows = refused_among(quarantine_rows(table_uri, pipeline).filter(pl.col("batch") == batch))
    short = rows.with_columns(pl.col("raw").bin.head(_LONGEST_RAW), pl.col("header").str.head(0))
    with translated("read the quarantine", quarantine_uri(table_uri)):
        return short.drop("batch").head(limit).collect(engine="streaming")
