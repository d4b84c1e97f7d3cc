"""What the markers in a quarantine say, and whether each has the record that it is about."""

from __future__ import annotations

from typing import Final

import polars as pl

from storage.tables.quarantine.records import (
    markers_among,
    quarantine_rows,
    quarantine_uri,
    refused_among,
    undone_among,
)
from storage.upstream import translated

BY_LIMIT: Final = ("reader_crashed", "too_large_unpacked", "unsupported_schema")
"""Reasons why a file ended that need not hold for the next who reads it."""


def refused_counts(table_uri: str, pipeline: str) -> pl.DataFrame:
    """How many records each batch refused of each file, taken in since or not: `batch`, `path`, `records`.

    Eager, in no order. `path` is null for what transforms made. `by_limit` tells whether a limit of the
    process, or what its reader could do, ended the file (`BY_LIMIT`).

    Raises:
        StorageError: The quarantine cannot be read.
    """
    rows = refused_among(quarantine_rows(table_uri, pipeline))
    counts = [
        pl.len().cast(pl.Int64).alias("records"),
        pl.col("reason").is_in(BY_LIMIT).any().alias("by_limit"),
    ]
    return _collected(table_uri, rows.group_by("batch", "path").agg(*counts))


def marker_counts(table_uri: str, pipeline: str) -> pl.DataFrame:
    """How many records each batch, `by`, took in: `batch`, which refused them, `path`, `records`, `numbers`.

    `numbers` is the sum of the numbers of the records. Eager, in no order; errors as of `refused_counts`.
    """
    markers = markers_among(quarantine_rows(table_uri, pipeline)).group_by("by", "batch", "path")
    return _collected(table_uri, markers.agg(records=pl.len().cast(pl.Int64), numbers=pl.sum("record")))


def undone_markers(table_uri: str, pipeline: str) -> pl.DataFrame:
    """The batches that are marked as `undone`, and `by` which batch; one row a marker, sorted.

    Eager; errors as of `refused_counts`.
    """
    return _collected(table_uri, undone_among(quarantine_rows(table_uri, pipeline)).sort("by", "undone"))


def replayed_by(table_uri: str, pipeline: str, batch: int) -> list[int]:
    """The batches that took in records which `batch` refused, and are not undone themselves; in their order.

    Errors as of `refused_counts`.
    """
    rows = quarantine_rows(table_uri, pipeline)
    markers = markers_among(rows).filter(pl.col("batch") == batch).select("by").unique()
    undone = undone_among(rows).select(by="undone")
    found = _collected(table_uri, markers.join(undone, on="by", how="anti"))
    return found["by"].sort().to_list()  # row objects allowed: one a batch


def marked_wrongly(table_uri: str, pipeline: str, batch: int) -> pl.DataFrame:
    """Of records that `batch` refused: `by`, `path`, and how many markers are `strays` or `repeats`.

    A stray is about a record that is not there, a repeat is one too many about the same record, where batches
    that are undone do not count. One row for
    each batch and file with any, sorted. Eager; holds the places of the records of one batch.
    """
    rows = quarantine_rows(table_uri, pipeline)
    places = refused_among(rows.filter(pl.col("batch") == batch)).select("path", "record")
    markers = markers_among(rows).filter(pl.col("batch") == batch).drop("batch")
    strays = markers.join(places, on=["path", "record"], how="anti", nulls_equal=True)
    undone = undone_among(rows).select(by="undone")
    counting = markers.join(undone, on="by", how="anti")
    repeats = counting.filter(pl.int_range(pl.len()).over("path", "record", order_by="by") > 0)
    both = pl.concat(
        [strays.with_columns(strays=1, repeats=0), repeats.with_columns(strays=0, repeats=1)],
        how="vertical",
    )
    return _collected(
        table_uri, both.group_by("by", "path").agg(pl.sum("strays", "repeats")).sort("by", "path")
    )


def _collected(table_uri: str, rows: pl.LazyFrame) -> pl.DataFrame:
    with translated("read the quarantine", quarantine_uri(table_uri)):
        return rows.collect(engine="streaming")
