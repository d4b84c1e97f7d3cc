"""The shortest Polars script that a good engineer would write: lines, `json_decode`, partitioned sink.

`scan_ndjson` would be shorter still, but is three times slower. No sort, no quarantine, no commit; a
malformed line fails the whole query, and 1.5 in an integer column silently becomes 1. The payload has to
be typed, because Polars cannot keep a value as the JSON text that it came as.
"""

from __future__ import annotations

import sys

import polars as pl

EVENT = pl.Struct(
    {
        "id": pl.String,
        "type": pl.String,
        "actor": pl.Struct({"id": pl.Int64, "login": pl.String, "site_admin": pl.Boolean}),
        "repo": pl.Struct({"id": pl.Int64, "name": pl.String}),
        "tags": pl.List(pl.String),
        "payload": pl.Struct({"size": pl.Int64, "ref": pl.String, "ratio": pl.Float64}),
        "created_at": pl.String,
    }
)

landing, output = sys.argv[1:]
(
    pl.scan_lines(f"{landing}/*.ndjson", name="event")
    .select(pl.col("event").str.json_decode(EVENT))
    .unnest("event")
    .with_columns(pl.col("created_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_zone="UTC"))
    .with_columns(event_date=pl.col("created_at").dt.date())
    .sink_parquet(
        pl.PartitionBy(output, key="event_date"), compression="zstd", compression_level=1, mkdir=True
    )
)
