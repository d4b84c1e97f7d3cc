"""The generated events: the same every time, whatever they are packed into."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl

from benchmarks.events import write_events


def test_write_events_same_arguments_give_same_bytes(tmp_path: Path) -> None:
    first = write_events(tmp_path / "first", 2_500, events_per_file=1_000)
    second = write_events(tmp_path / "second", 2_500, events_per_file=1_000)

    assert [path.name for path in first] == [f"events-0000{n}.ndjson" for n in range(3)]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_write_events_compressed_holds_the_same_lines(tmp_path: Path) -> None:
    plain = write_events(tmp_path / "plain", 200, events_per_file=100)
    mixed = write_events(tmp_path / "mixed", 200, events_per_file=100, compressions=("none", "gzip"))

    assert mixed[1].name == "events-00001.ndjson.gz"
    assert gzip.decompress(mixed[1].read_bytes()) == plain[1].read_bytes()


def test_write_events_spans_seven_days_mostly_in_order(tmp_path: Path) -> None:
    (path,) = write_events(tmp_path / "landing", 10_000)

    events = pl.read_ndjson(path).with_columns(pl.col("created_at").str.to_datetime(time_zone="UTC"))

    assert events["created_at"].dt.date().n_unique() == 7
    late = events.select(pl.col("created_at").diff() < pl.duration(seconds=0)).to_series().sum()
    assert 100 < late < 300
    assert events["id"].n_unique() == 10_000
