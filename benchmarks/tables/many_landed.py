"""A pipeline that took in very many files: `python -m benchmarks.tables.many_landed FOLDER FILES COMMITS`.

FOLDER gets the empty table of the pipeline, whose ledger holds FILES files that were taken in by COMMITS
batches, and a landing zone with 10,000 others, which wait. Where FOLDER is there already, it is taken as it
is.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import polars as pl

from benchmarks.tables.build import once, progress
from benchmarks.tables.upkeep import compact
from config.table import Table
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from storage.tables.ledger.planned import LEDGER_SCHEMA, ledger_uri

PIPELINE = "events"
WAITING = 10_000
_PARTITION_BY = ("pipeline",)


def make(folder: Path, files: int, commits: int, waiting: int = WAITING) -> bool:
    """Table, ledger and landing zone; whether the ledger is compacted."""
    uri = str(folder / "table")
    share = files // commits
    for number in range(1, commits + 1):
        _plan(ledger_uri(uri), number, taken_in(share * (number - 1), share))
        if number % 100 == 0:
            progress(folder, f"batch {number} of {commits}")
    commit_batch(uri, None, app_id=PIPELINE, batch=commits, files=[], schema=pl.Schema({"id": pl.Int64()}))
    landing = folder / "landing"
    landing.mkdir()
    for number in range(waiting):
        (landing / f"events-{number:05}.ndjson").write_text(f'{{"id": {number}}}\n', encoding="utf-8")
    return commits > 1 and compact(Table(uri=ledger_uri(uri), partition_by=_PARTITION_BY))


def taken_in(first: int, files: int) -> pl.DataFrame:
    """Files as a listing of an object store has them; columns of `LANDING_SCHEMA`."""
    number = pl.int_range(first, first + files, eager=True).alias("number")
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    minutes = pl.duration(minutes=pl.col("number"))
    return number.to_frame().select(
        path=pl.format("s3://landing/events/{}/events-{}.ndjson.gz", pl.col("number") // 1000, "number"),
        identity=pl.format("{}{}", pl.col("number").hash(1), pl.col("number").hash(2)),
        size=pl.col("number") % 9973 + 20_000,
        modified=pl.lit(noon, pl.Datetime("us", "UTC")) + minutes,
    )


def _plan(uri: str, batch: int, files: pl.DataFrame) -> None:
    """The ledger's commit of one batch."""
    before = open_table(uri)
    rows = files.with_columns(
        pl.lit(PIPELINE).alias("pipeline"),
        pl.lit(batch, pl.Int64).alias("batch"),
        pl.int_range(pl.len(), dtype=pl.Int32).alias("file"),
        *(
            pl.lit(None, kind).alias(name)
            for name, kind in LEDGER_SCHEMA.items()
            if name in ("replays", "undoes", "rebuilds")
        ),
    ).select(list(LEDGER_SCHEMA))
    with TableWriter(uri, partition_by=_PARTITION_BY, buffer_bytes=2**26) as writer:
        writer.write(rows)
        written = writer.finish()
    commit_batch(
        uri,
        before,
        app_id=f"{PIPELINE}/plan",
        batch=batch,
        files=written,
        schema=LEDGER_SCHEMA,
        partition_by=_PARTITION_BY,
    )


if __name__ == "__main__":
    once(Path(sys.argv[1]), lambda path: make(path, *map(int, sys.argv[2:])))
