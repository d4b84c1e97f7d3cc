"""Reads the quarantine: every refused record verbatim, with its place and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from storage.filesystem import delta_storage_options
from storage.tables.delta import open_table
from storage.upstream import translated

REFUSED_SCHEMA = pl.Schema(
    {
        "path": pl.String(),
        "record": pl.Int64(),
        "offset": pl.Int64(),
        "length": pl.Int64(),
        "reason": pl.String(),
        "column": pl.String(),
        "raw": pl.Binary(),
    }
)
"""One row a record: `path` of its file, `record` (line number, from 1), `offset` in the decompressed file and
`length`, both in bytes, null where they cannot be known; `reason`; `column`, a dotted path, null where no
single one is to blame; `raw`, the bytes without the line ending, null where there were too many to keep."""

QUARANTINE_SCHEMA = pl.Schema({"pipeline": pl.String(), "batch": pl.Int64(), **REFUSED_SCHEMA})

_ORDER = ("batch", "path", "record")

CountBy = Literal["batch", "path", "reason", "column"]


def quarantine_uri(table_uri: str) -> str:
    """Where the quarantine of a data table is."""
    return f"{table_uri.rstrip('/')}_quarantine"


def quarantined(
    table_uri: str, pipeline: str, *, batch: int | None = None, limit: int | None = None
) -> pl.DataFrame:
    """Refused records: `batch` and the columns of `REFUSED_SCHEMA`, sorted by batch, path and record.

    Eager. A batch that is under way, or died, may be among them: it is higher than the data table's last.

    Args:
        table_uri: The data table's.
        batch: None for all.
        limit: The first so many rows; None for all of them.

    Raises:
        StorageError: The quarantine cannot be read.
    """
    uri = quarantine_uri(table_uri)
    rows = quarantine_rows(table_uri, pipeline, batch).sort(_ORDER, maintain_order=True)
    with translated("read the quarantine", uri):
        return (rows if limit is None else rows.head(limit)).collect()


def quarantine_counts(
    table_uri: str, pipeline: str, *, by: Sequence[CountBy] = ("reason",), batch: int | None = None
) -> pl.DataFrame:
    """How many records were refused: the columns `by`, and `records`; sorted by the columns.

    Reads those columns only. See `quarantined` for the rest.
    """
    uri = quarantine_uri(table_uri)
    with translated("read the quarantine", uri):
        counts = quarantine_rows(table_uri, pipeline, batch).group_by(by).agg(records=pl.len().cast(pl.Int64))
        return counts.sort(by).collect()


def quarantine_rows(table_uri: str, pipeline: str, batch: int | None) -> pl.LazyFrame:
    """The same as `quarantined`, lazy, and in no order; no rows where there is no quarantine."""
    uri = quarantine_uri(table_uri)
    table = open_table(uri)
    if table is None:
        return QUARANTINE_SCHEMA.to_frame(eager=False).drop("pipeline")
    rows = pl.scan_delta(table, storage_options=delta_storage_options(uri) or None)
    rows = rows.filter(pl.col("pipeline") == pipeline).drop("pipeline")
    return rows if batch is None else rows.filter(pl.col("batch") == batch)
