"""Reads the quarantine: every refused record verbatim, with its place and the reason.

Nothing is ever taken out of it when a replay takes a record in: the batch of the replay adds a marker, a row
that names the record. A record is open while no marker names it. A batch that undoes another adds one marker
for all that the other did: what it refused is open no more, and its own markers do not count any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import polars as pl
from deltalake import DeltaTable

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
        "header": pl.String(),
    }
)
"""One row a record: `path` of its file, `record` (its number there, from 1; of lines, the line), `offset` in
the decompressed file and `length`, both in bytes, null where they cannot be known; `reason`; `column`, a
dotted path, null where no single one is to blame; `raw`, the bytes without the line ending, null where there
were too many to keep; `header`, of CSV the record that names the cells, of rows with types of their own the
schema of their file as text, else null."""

QUARANTINE_SCHEMA = pl.Schema(
    {"pipeline": pl.String(), "batch": pl.Int64(), **REFUSED_SCHEMA, "replays": pl.Int64()}
)
"""`replays` is null for a refused record. A marker has there the batch that refused the record which its own
batch has taken in, the record's `path`, `record` and `offset`, the reason `replayed`, and null elsewhere. The
marker of a batch that undoes has there the batch that is undone, the reason `undone`, and null elsewhere."""

MARKER_SCHEMA = pl.Schema({name: QUARANTINE_SCHEMA[name] for name in ("path", "record", "offset", "replays")})
REPLAYED: Final = "replayed"
UNDONE: Final = "undone"

_ORDER = ("batch", "path", "record")
_PLACE = ("batch", "path", "record")

CountBy = Literal["batch", "path", "reason", "column"]


def quarantine_uri(table_uri: str) -> str:
    """Where the quarantine of a data table is."""
    return f"{table_uri.rstrip('/')}_quarantine"


def quarantined(
    table_uri: str, pipeline: str, *, batch: int | None = None, limit: int | None = None
) -> pl.DataFrame:
    """Open records: `batch` and the columns of `REFUSED_SCHEMA`, sorted by batch, path and record.

    Eager. A batch that is under way, or died, may be among them: it is higher than the data table's last.

    Args:
        table_uri: The data table's.
        batch: None for all.
        limit: The first so many rows; None for all of them.

    Raises:
        StorageError: The quarantine cannot be read.
    """
    uri = quarantine_uri(table_uri)
    rows = open_rows(table_uri, pipeline, batch=batch).sort(_ORDER, maintain_order=True)
    with translated("read the quarantine", uri):
        return (rows if limit is None else rows.head(limit)).collect()


def quarantine_counts(
    table_uri: str,
    pipeline: str,
    *,
    by: Sequence[CountBy] = ("reason",),
    batch: int | None = None,
    up_to: int | None = None,
) -> pl.DataFrame:
    """How many records are open: the columns `by`, and `records`; sorted by the columns.

    Reads those columns only, and which records they are. See `open_rows` for the rest.
    """
    rows = open_rows(table_uri, pipeline, batch=batch, up_to=up_to)
    with translated("read the quarantine", quarantine_uri(table_uri)):
        counts = rows.group_by(by).agg(records=pl.len().cast(pl.Int64))
        return counts.sort(by).collect(engine="streaming")


def open_rows(
    table_uri: str,
    pipeline: str,
    *,
    batch: int | tuple[int, int] | None = None,
    up_to: int | None = None,
) -> pl.LazyFrame:
    """Refused records that no replay has taken in: `batch` and the columns of `REFUSED_SCHEMA`.

    What batches did that are undone does not count: neither what they refused, nor what they took in. Lazy,
    in no order; collecting it holds the places of the markers in memory.

    Args:
        table_uri: The data table's.
        batch: The one that refused them, or the first and the last of several; None for all.
        up_to: What later batches did, refusals and markers, is not looked at; None for no such limit.
    """
    rows = quarantine_rows(table_uri, pipeline)
    if up_to is not None:
        rows = rows.filter(pl.col("batch") <= up_to)
    undone = undone_among(rows).select(batch="undone")
    markers = markers_among(rows).join(undone, left_on="by", right_on="batch", how="anti")
    records = refused_among(rows).join(undone, on="batch", how="anti")
    if batch is not None:
        wanted = pl.col("batch").is_between(*(batch if isinstance(batch, tuple) else (batch, batch)))
        markers, records = (some.filter(wanted) for some in (markers, records))
    return records.join(markers.select(_PLACE), on=_PLACE, how="anti")


def refused_among(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of all rows those of refused records, taken in or not: `batch` and the columns of `REFUSED_SCHEMA`."""
    return rows.filter(pl.col("replays").is_null()).drop("replays")


def markers_among(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of all rows the markers: `batch`, `path`, `record` of a record, and `by`, the batch that took it in."""
    markers = rows.filter(pl.col("replays").is_not_null(), pl.col("reason").ne_missing(UNDONE))
    return markers.select("path", "record", by="batch", batch="replays")


def undone_among(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of all rows those that tell of batches that are `undone`, and `by` which batch."""
    markers = rows.filter(pl.col("replays").is_not_null(), pl.col("reason") == UNDONE)
    return markers.select(by="batch", undone="replays")


def quarantine_rows(table_uri: str, pipeline: str) -> pl.LazyFrame:
    """All rows of a pipeline, without its name: those of QUARANTINE_SCHEMA; none without a quarantine.

    Lazy, in no order. A filter on `batch` reads what those batches wrote.

    Raises:
        StorageError: The quarantine cannot be opened.
    """
    uri = quarantine_uri(table_uri)
    return rows_in(open_table(uri), uri, pipeline)


def rows_in(table: DeltaTable | None, uri: str, pipeline: str) -> pl.LazyFrame:
    """The same of a quarantine that is open at some version; None where there is none."""
    if table is None:
        return QUARANTINE_SCHEMA.to_frame(eager=False).drop("pipeline")
    rows = pl.scan_delta(table, storage_options=delta_storage_options(uri) or None)
    return rows.filter(pl.col("pipeline") == pipeline).drop("pipeline")
