"""Events about a pipeline, for automations: each is one batch or one run beyond what its file allows.

Payloads are numbers and names of the pipeline file, never data. docs/observing.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from prefect.events import emit_event

from config.pipeline import Pipeline
from pipelines.flows.assets import table_asset
from pipelines.run import BatchSummary
from pipelines.written_batch import PlannedBatch


@dataclass(frozen=True, slots=True)
class Event:
    """Something that somebody may want to be told of."""

    name: str
    payload: Mapping[str, Any]


def emit(pipeline: Pipeline, event: Event) -> None:
    """Sends it, in the background: what is related to this run is attached, and its pipeline and table."""
    emit_event(
        event.name,
        resource={
            "prefect.resource.id": f"penstock.pipeline.{pipeline.name}",
            "prefect.resource.name": pipeline.name,
        },
        related=[{"prefect.resource.id": table_asset(pipeline).key, "prefect.resource.role": "table"}],
        payload=dict(event.payload),
    )


def events_of(pipeline: Pipeline, batch: BatchSummary) -> Iterator[Event]:
    """What is to be told of a batch that is committed."""
    number, allowed = batch.batch, pipeline.alerts.quarantine_share
    share = batch.rows_quarantined / batch.records_read if batch.records_read else 0.0
    if allowed is not None and share > allowed:
        counts = {"records": batch.records_read, "quarantined": batch.rows_quarantined}
        shares = {"share": round(share, 6), "allowed_share": round(allowed, 6)}
        yield Event("penstock.quarantine.exceeded", {"batch": number, **counts, **shares})
    if batch.unmet:
        yield Event(
            "penstock.expectation.unmet",
            {"batch": number, "records": batch.records_read, "unmet": batch.unmet},
        )
    for position, promise in enumerate(batch.readers, 1):
        if promise.kept is False:
            told = {"promise": position, "share": promise.share, "allowed_share": round(promise.at_most, 6)}
            yield Event("penstock.promise.broken", {"batch": number, **told})


def lag_event(pipeline: Pipeline, planned: PlannedBatch, now: datetime | None = None) -> Event | None:
    """That a batch is going to take in a file that has waited too long; None where none has.

    A file waits from when it was last changed. Batches of what was taken in before have no lag.

    Args:
        pipeline: Whose batch it is.
        planned: The batch.
        now: The clock unless given.
    """
    if (allowed := pipeline.alerts.lag) is None:
        return None
    oldest = planned.files.filter(
        pl.all_horizontal(pl.col("replays", "undoes", "rebuilds").is_null())
    )["modified"].min()  # fmt: skip
    if not isinstance(oldest, datetime):
        return None
    lag: timedelta = (now or datetime.now(UTC)) - oldest
    if lag <= allowed:
        return None
    seconds = {"lag_seconds": round(lag.total_seconds(), 3), "allowed_seconds": allowed.total_seconds()}
    return Event("penstock.lag.exceeded", {"batch": planned.number, **seconds})


def failed_expectation(batch: int) -> Event:
    """That a batch is not committed, because rows did not meet an expectation whose action is `fail`."""
    return Event("penstock.expectation.failed", {"batch": batch})
