"""The chart of the last batches, and where its numbers come from."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable

from pipelines.reports.last_batches import PastBatch, chart, last_batches
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land


def test_last_batches_of_a_table_tells_what_each_commit_says(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    pipeline = a_pipeline(store)
    for number in range(3):
        land(store, f"{number}.ndjson", *events(0, number + 1), b"{}")
        run(pipeline, SETTINGS)
    table = DeltaTable(pipeline.table.uri)

    found = last_batches(table, pipeline.name)

    assert [(one.batch, one.records, one.quarantined) for one in found] == [(1, 2, 1), (2, 3, 1), (3, 4, 1)]
    assert all(one.seconds is not None and one.bytes_read > 0 for one in found)
    assert [one.batch for one in last_batches(table, pipeline.name, 2)] == [2, 3]
    assert last_batches(table, "others") == []


def test_chart_batches_has_a_bar_as_long_as_each_has_records() -> None:
    batches = [
        PastBatch(9, 500, 0, 0, None),
        PastBatch(10, 1000, 25, 2**20, 2.0),
        PastBatch(11, 1, 0, 9, 1.0),
    ]

    assert chart(batches) == [
        "batch  records  quarantined   per second",
        "    9      500            -            -  ████████████",
        "   10    1,000        2.50%  512.0 KiB/s  ████████████████████████",
        "   11        1            -        9 B/s  ▏",
    ]


def test_chart_batches_without_records_has_no_bars() -> None:
    assert chart([PastBatch(1, 0, 0, 0, 0.0)])[1].split() == ["1", "0", "-", "-"]
