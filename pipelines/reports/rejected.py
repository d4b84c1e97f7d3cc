"""What the quarantine holds of a pipeline, as people and programs read it: `penstock quarantine`."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from config.pipeline import Pipeline
from storage.tables.delta import last_batch, open_table
from storage.tables.quarantine.records import open_rows, quarantine_counts, quarantine_uri
from storage.upstream import translated

_RECORDS_AT_ONCE = 50_000
"""Records of whole batches that are sorted together; one batch may hold more."""


def rejected_count(pipeline: Pipeline, batch: int | None = None) -> int:
    """How many records of committed batches, or of `batch` alone, are open in the quarantine."""
    committed = last_batch(open_table(pipeline.table.uri), pipeline.name)
    return sum(_counts(pipeline, batch, committed)["records"])


def rejected(
    pipeline: Pipeline, batch: int | None = None, *, limit: int | None = None, longest_raw: int | None = None
) -> Iterator[pl.DataFrame]:
    """The open records of committed batches: `batch`, and the columns of `REFUSED_SCHEMA`.

    In the order of batch, path and record. Lazy; some thousand records a frame, or one batch.

    Args:
        pipeline: Which one.
        batch: None for all.
        limit: The first so many; None for all.
        longest_raw: Bytes of `raw` that are read of each record; None for all.

    Raises:
        StorageError: Table or quarantine cannot be read.
    """
    uri = quarantine_uri(pipeline.table.uri)
    committed = last_batch(open_table(pipeline.table.uri), pipeline.name)
    rows = open_rows(pipeline.table.uri, pipeline.name, batch=batch, up_to=committed)
    if longest_raw is not None:
        rows = rows.with_columns(pl.col("raw").bin.head(longest_raw))
    left = limit
    for first, last in _spans(_counts(pipeline, batch, committed)):
        if left == 0:
            return
        some = rows.filter(pl.col("batch").is_between(first, last)).sort("batch", "path", "record")
        with translated("read the quarantine", uri):
            frame = (some if left is None else some.head(left)).collect()
        left = None if left is None else left - frame.height
        yield frame


def _counts(pipeline: Pipeline, batch: int | None, committed: int) -> pl.DataFrame:
    """Columns `batch`, `records`; a batch that is not committed may still change, and is left out."""
    return quarantine_counts(pipeline.table.uri, pipeline.name, by=("batch",), batch=batch, up_to=committed)


def _spans(counts: pl.DataFrame) -> Iterator[tuple[int, int]]:
    """First and last batch of neighbours that are few enough together."""
    group = (counts["records"].cum_sum() - 1) // _RECORDS_AT_ONCE
    spans = counts.group_by(group.alias("group"), maintain_order=True).agg(
        first=pl.col("batch").min(), last=pl.col("batch").max()
    )
    yield from zip(spans["first"], spans["last"], strict=True)
