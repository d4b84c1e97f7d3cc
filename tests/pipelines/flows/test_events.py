"""Which events a batch is told of by; tests/integration/test_observing.py sees them arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from config.pipeline import Pipeline
from pipelines.flows.events import events_of, lag_event
from pipelines.promises.promise import Promise
from pipelines.run import BatchSummary
from pipelines.written_batch import PlannedBatch

BATCH = BatchSummary(
    batch=12,
    files=3,
    bytes_read=1000,
    records_read=1000,
    rows_written=990,
    rows_quarantined=10,
    rows_dropped=0,
    rows_duplicate=0,
    table_version=11,
    seconds=1.25,
    peak_memory_bytes=300_000_000,
)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def a_pipeline(**alerts: str) -> Pipeline:
    return Pipeline(
        name="clicks",
        source={"uri": "in"},
        contract={"columns": {"id": "int64"}},
        table={"uri": "lake"},
        alerts=alerts,
    )


def planned(modified: datetime | None, **kinds: int) -> PlannedBatch:
    columns: dict[str, object] = {
        "modified": [NOON, modified],
        "replays": None,
        "undoes": None,
        "rebuilds": None,
    }
    return PlannedBatch(3, pl.DataFrame(columns | kinds), None)


@pytest.mark.parametrize(("allowed", "told"), [("0.9%", True), ("1%", False), (None, False)])
def test_events_quarantine_share_above_what_is_allowed_is_told(allowed: str | None, told: bool) -> None:
    pipeline = a_pipeline(quarantine_share=allowed) if allowed else a_pipeline()

    found = list(events_of(pipeline, BATCH))

    assert [one.name for one in found] == ["penstock.quarantine.exceeded"] * told
    if told:
        assert found[0].payload == {
            "batch": 12, "records": 1000, "quarantined": 10, "share": 0.01, "allowed_share": 0.009
        }  # fmt: skip


def test_events_batch_without_records_tells_of_no_share() -> None:
    empty = replace(BATCH, records_read=0, rows_quarantined=0)

    assert list(events_of(a_pipeline(quarantine_share="1%"), empty)) == []


def test_events_unmet_expectations_are_told_by_name() -> None:
    (found,) = events_of(a_pipeline(), replace(BATCH, unmet={"positive": 2}))

    assert found.name == "penstock.expectation.unmet"
    assert found.payload == {"batch": 12, "records": 1000, "unmet": {"positive": 2}}


def test_events_only_promises_that_break_are_told() -> None:
    readers = (
        Promise("a = ?", 0.05, 0.01, True),
        Promise("b = ?", 0.05, 0.5, False),
        Promise("c", 0.1, None, None),
    )

    (found,) = events_of(a_pipeline(), replace(BATCH, readers=readers))

    assert found.name == "penstock.promise.broken"
    assert found.payload == {"batch": 12, "promise": 2, "share": 0.5, "allowed_share": 0.05}


def test_lag_event_oldest_file_waited_too_long_is_told() -> None:
    event = lag_event(a_pipeline(lag="10m"), planned(NOON - timedelta(minutes=11)), NOON)

    assert event is not None
    assert event.name == "penstock.lag.exceeded"
    assert event.payload == {"batch": 3, "lag_seconds": 660.0, "allowed_seconds": 600.0}


@pytest.mark.parametrize("kind", ["replays", "undoes", "rebuilds"])
def test_lag_event_batch_of_what_was_taken_in_before_is_not_told(kind: str) -> None:
    old = NOON - timedelta(days=1)

    assert lag_event(a_pipeline(lag="10m"), planned(old, **{kind: 2}), NOON) is None


def test_lag_event_within_what_is_allowed_or_without_alert_is_not_told() -> None:
    old = NOON - timedelta(minutes=9)

    assert lag_event(a_pipeline(lag="10m"), planned(old), NOON) is None
    assert lag_event(a_pipeline(), planned(old), NOON) is None
