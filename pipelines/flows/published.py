"""What a person finds in the Prefect UI when a batch is done."""

from __future__ import annotations

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from config.pipeline import Pipeline
from pipelines.reports.batch_report import batch_report
from pipelines.run import BatchSummary


def publish_batch(pipeline: Pipeline, batch: BatchSummary) -> None:
    """Keeps the summary as an artifact; those of one pipeline have one key, which makes them a history."""
    create_markdown_artifact(
        batch_report(pipeline, batch),
        key="ingest-" + pipeline.name.lower().replace("_", "-"),
        description=f"{pipeline.name} batch {batch.batch}",
    )
    get_run_logger().info("batch %d: %d rows written", batch.batch, batch.rows_written)
