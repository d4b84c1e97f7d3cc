"""Pipelines over a test's own store: land lines, run, look at what came of them."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.proof.proof import Proof, prove
from pipelines.run import RunSummary, run
from storage.filesystem import delta_storage_options
from storage.tables.log.commits import read_commits
from storage.tables.quarantine.records import quarantined
from tests.conftest import Store

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(threads=2)
COLUMNS = {"id": "int64!", "kind": "string", "actor": {"id": "int64", "login": "string"}}


def a_pipeline(
    store: Store, columns: Mapping[str, Any] | None = None, *, name: str = "events", **options: Any
) -> Pipeline:
    """From `landing` to `lake/events` of the store; options of source, contract, table, or the pipeline."""
    source = {"uri": store.at("landing"), **options.pop("source", {})}
    contract = {"columns": columns or COLUMNS, **options.pop("contract", {})}
    table = {"uri": store.at("lake/events"), **options.pop("table", {})}
    return Pipeline(name=name, source=source, contract=contract, table=table, **options)


def land(store: Store, name: str, *records: bytes) -> str:
    """Puts a file of these lines into the landing zone; its full path."""
    return store.put(f"landing/{name}", b"".join(record + b"\n" for record in records))


def event(number: int) -> bytes:
    """A good record of `COLUMNS`."""
    return b'{"id": %d, "kind": "click", "actor": {"id": %d, "login": "a"}}' % (number, number % 7)


def events(first: int, past: int) -> list[bytes]:
    """Good records with the ids from `first` up to `past`, which is left out."""
    return [event(number) for number in range(first, past)]


def run_and_prove(pipeline: Pipeline, settings: Settings = SETTINGS) -> RunSummary:
    """Runs until caught up; the proof must hold afterwards, every landed file counted again."""
    summary = run(pipeline, settings)
    proof = prove(pipeline, settings)
    assert proof.violations == ()
    assert summary.caught_up
    for batch in summary.batches:
        assert sum(batch.quarantined_by_reason.values()) == batch.rows_quarantined
    return summary


def table(pipeline: Pipeline) -> pl.DataFrame:
    """All rows of the table."""
    uri = pipeline.table.uri
    return pl.scan_delta(uri, storage_options=delta_storage_options(uri) or None).collect()


def ids(pipeline: Pipeline) -> list[int]:
    """The column `id` of the table, sorted; one that is there twice is there twice."""
    return sorted(table(pipeline)["id"])


def refused(pipeline: Pipeline) -> pl.DataFrame:
    """All rows of the quarantine, by batch, path and record."""
    return quarantined(pipeline.table.uri, pipeline.name)


def reasons(pipeline: Pipeline) -> list[tuple[str, str | None]]:
    """Reason and column of each refused record, in order."""
    found = refused(pipeline)
    return list(zip(found["reason"], found["column"], strict=True))


def violated(proof: Proof) -> list[tuple[int | None, str]]:
    """Batch and subject of each violation."""
    return [(one.batch, one.what) for one in proof.violations]


def raws(pipeline: Pipeline) -> list[bytes]:
    """The refused records that were kept, verbatim, in order."""
    return refused(pipeline)["raw"].drop_nulls().to_list()


def full_pipeline(store: Store) -> Pipeline:
    """Batches of two files; records are dropped, found twice, and filtered by a step."""
    return a_pipeline(
        store,
        source={"max_files_per_batch": 2},
        expectations=[{"name": "small", "expect": "id < 1000", "action": "drop"}],
        transforms=[{"sql": "select * from self"}, {"sql": "select * from self where id <> 0"}],
        table={"key": ["id"], "partition_by": ["kind"]},
    )


def land_every_fate(store: Store) -> None:
    """Four files for `full_pipeline`, 44 records; 17 and 20 rows come of them in two batches."""
    land(store, "a.ndjson", *events(0, 10), b"no json")
    land(store, "b.ndjson", *events(8, 18), b"", event(5000))
    land(store, "c.ndjson", *events(20, 30))
    store.put("landing/d.ndjson.gz", gzip.compress(b"\n".join(events(30, 40)) + b"\n[]\n")[:-4])


def proof_of(pipeline: Pipeline) -> Proof:
    """The proof as it stands."""
    return prove(pipeline, SETTINGS)


def penstock(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def counts_of(pipeline: Pipeline, number: int = 1) -> dict[str, Any]:
    """The counts in the commit of a batch."""
    uri = pipeline.table.uri
    ours = [one.ours for one in read_commits(uri, DeltaTable(uri).version()) if one.ours]
    return dict(next(one["metadata"] for one in ours if one["batch"] == number))
