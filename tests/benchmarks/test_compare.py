"""How turns are measured and summarised."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.compare import parse_size
from benchmarks.process import Usage, run_measured
from benchmarks.report import results_page, summarise

MIB = 2**20


@pytest.mark.parametrize(("text", "events"), [("100k", 100_000), ("10M", 10_000_000), ("7", 7)])
def test_parse_size_gives_events(text: str, events: int) -> None:
    assert parse_size(text) == events


def test_run_measured_counts_time_and_memory_of_the_child(tmp_path: Path) -> None:
    code = "import time; held = b'x' * (200 * 2**20); time.sleep(0.1)"

    usage = run_measured([sys.executable, "-c", code], log=tmp_path / "log")

    assert usage.wall_s >= 0.1
    assert usage.cpu_s > 0
    assert usage.peak_memory_bytes >= 200 * MIB


def test_run_measured_failing_command_stops_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such event"):
        run_measured([sys.executable, "-c", "raise SystemExit('no such event')"], log=tmp_path / "log")


def test_summarise_gives_medians_and_ratios() -> None:
    ours = [Usage(wall, 2.0, 300 * MIB) for wall in (1.0, 9.0, 2.0)]
    theirs = [Usage(4.0, 1.0, 600 * MIB)]
    written = {"files": 7, "rows": 1000, "bytes": 10}

    summary = summarise({"penstock": (ours, written), "duckdb": (theirs, written)}, ours[:1], events=1000)

    assert summary["contestants"]["penstock"]["wall_s"] == 2.0
    assert summary["contestants"]["penstock"]["us_per_event"] == 2000.0
    assert summary["contestants"]["penstock"]["turns_wall_s"] == [1.0, 9.0, 2.0]
    assert summary["ratios"] == {"penstock/duckdb": {"wall_s": 0.5, "cpu_s": 2.0, "peak_memory_bytes": 0.5}}
    assert summary["idle_run"]["wall_s"] == 1.0


def test_results_page_has_a_section_for_each_size_in_order() -> None:
    written = {"files": 7, "rows": 1000, "bytes": 10 * MIB}
    turns = [Usage(1.0, 2.0, 300 * MIB)]
    machine = {"date": "2026-01-01", "cores": 2, "processor": "some", "python": "3.11.7"}
    results = [
        {
            "events": events,
            "landing": {"bytes": 280 * MIB},
            "machine": machine,
            **summarise({"penstock": (turns, written), "duckdb": (turns, written)}, turns, events=events),
        }
        for events in (1_000_000, 100_000)
    ]

    page = results_page(results)

    assert page.index("## 100,000 events") < page.index("## 1,000,000 events")
    assert "| penstock | 1.00 s | 2.00 s | 300 MiB | 1.00 µs | 10 MiB |" in page
    assert "- penstock/duckdb: wall_s 1.00, cpu_s 1.00, peak_memory_bytes 1.00" in page
