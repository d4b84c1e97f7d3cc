"""Decodes events and throws them away: `python -m benchmarks.decode_alone ENGINE PATH`; seconds, as JSON.

ENGINE penstock takes a pipeline file and gives conformed frames; duckdb and polars take the folder and give
Arrow batches and a frame. The first of three passes warms up; the best of the others counts.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.reading.intake import Columns, Intake
from pipelines.reading.landed import read_landed
from pipelines.tally import Tally
from storage.landing.listing import list_landing
from transforms.conform import Conformer

PASSES = 3


def with_penstock(spec: Path) -> Callable[[], object]:
    """Read, split, decode, conform; refused records are dropped as they come."""
    pipeline, settings = load_pipeline(spec), Settings.from_environment()
    files = list_landing(pipeline.source.location)
    conformer = Conformer(pipeline, max_nesting=settings.max_nesting, positions=False)

    def decode() -> int:
        tally = Tally(files.height, [rule.name for rule in conformer.rules])
        paths = list(files["path"])
        intake = Intake(conformer, paths, Columns(False, False), tally, lambda _: None, settings.threads)
        return sum(frame.height for frame in intake.frames(read_landed(pipeline, files, settings)))

    return decode


def with_duckdb(folder: Path) -> Callable[[], object]:
    """`read_json` with typed columns; a record that is no JSON is left out, a wrong value is null."""
    query = f"""
        from read_json('{folder}/*.ndjson', format = 'newline_delimited', ignore_errors = true, columns = {{
            id: 'VARCHAR', type: 'VARCHAR',
            actor: 'STRUCT(id BIGINT, login VARCHAR, site_admin BOOLEAN)',
            repo: 'STRUCT(id BIGINT, name VARCHAR)',
            tags: 'VARCHAR[]', payload: 'JSON', created_at: 'TIMESTAMPTZ'
        }})
    """
    connection = duckdb.connect()

    def decode() -> int:
        batches = connection.execute(query).to_arrow_reader(100_000)
        assert batches is not None
        return sum(batch.num_rows for batch in batches)

    return decode


def with_polars(folder: Path) -> Callable[[], object]:
    """Lines and `json_decode`; one record that is no JSON fails the query."""
    kind = pl.Struct(
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
    at = pl.col("created_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_zone="UTC")
    lines = pl.scan_lines(f"{folder}/*.ndjson", name="event")
    rows = lines.select(pl.col("event").str.json_decode(kind)).unnest("event").with_columns(at)
    return lambda: sum(frame.height for frame in rows.collect_batches(engine="streaming"))


ENGINES: dict[str, Callable[[Path], Callable[[], object]]] = {
    "penstock": with_penstock,
    "duckdb": with_duckdb,
    "polars": with_polars,
}


def cpu_s() -> float:
    """CPU time of this process so far, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measures and prints."""
    decode = ENGINES[sys.argv[1]](Path(sys.argv[2]))
    turns = []
    for _ in range(PASSES):
        cpu, wall = cpu_s(), time.perf_counter()
        decode()
        turns.append((time.perf_counter() - wall, cpu_s() - cpu))
    wall_s, cpu = min(turns[1:])
    print(json.dumps({"wall_s": wall_s, "cpu_s": cpu}))


if __name__ == "__main__":
    main()
