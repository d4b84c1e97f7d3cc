"""A batch as Markdown, looked up in a real table and a real quarantine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.promises.promise import Promise
from pipelines.reports.batch_report import batch_report
from pipelines.reports.surroundings import look_around
from pipelines.run import BatchSummary, run
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land

HOSTILE = b'{"id": "<img src=x onerror=alert(1)>"}'


def report(store: Store, *records: bytes, **changes: object) -> list[str]:
    """The lines of the report of a batch that takes in these records."""
    pipeline = a_pipeline(store)
    land(store, "a.ndjson", *records)
    (batch,) = run(pipeline, SETTINGS).batches
    around = look_around(pipeline.table.uri, pipeline.name, 1, refused=batch.rows_quarantined > 0)
    return batch_report(pipeline, replace(batch, **changes), around).splitlines()  # type: ignore[arg-type]


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_batch_report_of_a_batch_tells_its_numbers_and_those_of_the_table(local: Store) -> None:
    lines = report(local, *events(0, 990), *[b"{}"] * 8, HOSTILE, HOSTILE, peak_memory_bytes=300 * 2**20)

    assert lines[0] == "## events, batch 1"
    for line in (
        "| files | records | rows written | quarantined | dropped | duplicates |",
        "| 1 | 1,000 | 990 | 10 (1.00%) | 0 | 0 |",
        "| `missing_required` | 8 |",
        "| `type_mismatch` | 2 |",
        f"### The table `{local.at('lake/events')}`",
    ):
        assert line in lines
    assert next(line for line in lines if line.startswith("| 60.9 KiB")).endswith("| 300.0 MiB |")
    assert next(line for line in lines if line.startswith("| 0 | 990 |"))


def test_batch_report_with_refused_records_shows_five_and_they_do_nothing(local: Store) -> None:
    lines = report(local, *events(0, 2), *[HOSTILE] * 7)

    start = lines.index("### 5 of 7 quarantined records")
    assert lines[start + 2] == f"Files in `{local.at('landing')}/`"
    assert lines[start + 6] == (f"| `a.ndjson` | 3 | `type_mismatch` | `id` | `{HOSTILE.decode()}` |")
    assert sum(HOSTILE.decode() in line for line in lines) == 5


def test_batch_report_with_long_and_binary_records_shortens_them(local: Store) -> None:
    lines = report(local, b'{"id": "' + b"x" * 100_000 + b'"}', b"\xff\x00`|")

    assert any(line.endswith("x…` |") for line in lines)
    assert any("`\\xff\\x00\\x60\\x7c`" in line for line in lines)
    assert max(map(len, lines)) < 1000


def test_batch_report_without_refused_records_has_no_table_of_them(local: Store) -> None:
    assert not any("quarantined record" in line for line in report(local, *events(0, 2)))


def test_batch_report_with_promises_tells_how_they_stand(local: Store) -> None:
    readers = (
        Promise("id = ?", 0.05, 0.01, True),
        Promise("kind = ?", 0.05, 0.5, False),
        Promise("x | y", 0.05, None, None, "no column <x>"),
    )

    lines = report(local, *events(0, 2), readers=readers)

    assert "| `id = ?` | 5.00% | 1.00% | kept |" in lines
    assert "| `kind = ?` | 5.00% | 50.00% | **broken** |" in lines
    assert "| `x \\x7c y` | 5.00% | - | `no column <x>` |" in lines


def test_batch_report_of_an_undo_names_the_batch(local: Store) -> None:
    lines = report(local, *events(0, 2), undoes=3, rows_removed=40)

    assert "| undoes batch | rows removed |" in lines
    assert "| 3 | 40 |" in lines


def test_look_around_without_refused_records_reads_no_quarantine(local: Store) -> None:
    report(local, *events(0, 2))

    assert look_around(local.at("lake/events"), "events", 1, refused=False).refused.is_empty()


def test_batch_summary_counts_rows_that_miss_an_expectation(local: Store) -> None:
    pipeline = a_pipeline(local, expectations=[{"name": "small", "expect": "id < 5", "action": "warn"}])
    land(local, "a.ndjson", *events(0, 8))

    batch: BatchSummary = run(pipeline, SETTINGS).batches[0]

    assert (batch.unmet, batch.rows_written) == ({"small": 3}, 8)
