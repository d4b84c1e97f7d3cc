"""What a person finds in the Prefect UI when a batch is done: an artifact, a line in the log, events."""

from __future__ import annotations

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from config.pipeline import Pipeline
from pipelines.flows.events import emit, events_of
from pipelines.reports.batch_report import batch_report
from pipelines.reports.plain_text import counted, size, whole
from pipelines.reports.surroundings import look_around
from pipelines.run import BatchSummary


def publish_batch(pipeline: Pipeline, batch: BatchSummary) -> None:
    """Tells of a batch that is committed. Never fails: what cannot be shown is a warning in the log."""
    log = get_run_logger()
    log.info(_sentence(batch))
    for promise in batch.readers:
        if warning := promise.warning():
            log.warning(warning)
    try:
        for event in events_of(pipeline, batch):
            log.warning(
                "%s: %s", event.name, ", ".join(f"{name} {one}" for name, one in event.payload.items())
            )
            emit(pipeline, event)
        _keep_report(pipeline, batch)
    except Exception as error:  # noqa: BLE001 (the batch is committed: whatever is wrong, it must stay a success)
        log.warning("batch %d is committed, but cannot be shown in full: %s", batch.batch, error)


def artifact_key(pipeline: str) -> str:
    """The key of all artifacts of a pipeline, which makes them a history: of a-z, 0-9 and dashes."""
    return "ingest-" + pipeline.lower().replace("_", "-")


def _keep_report(pipeline: Pipeline, batch: BatchSummary) -> None:
    around = look_around(pipeline.table.uri, pipeline.name, batch.batch, refused=batch.rows_quarantined > 0)
    create_markdown_artifact(
        batch_report(pipeline, batch, around),
        key=artifact_key(pipeline.name),
        description=_sentence(batch),
    )


def _sentence(batch: BatchSummary) -> str:
    if batch.undoes is not None:
        removed = counted(batch.rows_removed, "row")
        return f"batch {batch.batch} is committed: it undid batch {batch.undoes}, {removed} less"
    counts = {
        "written": batch.rows_written,
        "quarantined": batch.rows_quarantined,
        "dropped": batch.rows_dropped,
        "duplicate": batch.rows_duplicate,
    }
    parts = ", ".join(
        f"{whole(count)} {what}" for what, count in counts.items() if count or what == "written"
    )
    speed = f", {size(batch.bytes_read / batch.seconds)}/s" if batch.seconds else ""
    return (
        f"batch {batch.batch} is committed as version {batch.table_version}: "
        f"{counted(batch.records_read, 'record')} read, {parts}; {batch.seconds:,.1f} s{speed}"
    )
