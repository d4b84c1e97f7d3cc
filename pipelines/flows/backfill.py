"""The flow `backfill`: takes landed files in again."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prefect import State

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.flows.ending import as_flow, done
from pipelines.flows.parameters import FilePattern, PipelineName
from pipelines.flows.slot import instead_of_ingest
from pipelines.flows.tasks import beside_others
from pipelines.flows.watched import watched

if TYPE_CHECKING:
    from pipelines.backfill.request import BackfillSummary


@as_flow
def backfill(
    pipeline: PipelineName,
    rebuild: bool = False,
    files: FilePattern | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    dry_run: bool = False,
) -> State[dict[str, Any]]:
    """Takes landed files in again under the contract of today: the whole table, or those of a range.

    A rebuild is written beside the table and swapped in by one commit: until then readers see the old rows.
    For a range the batches that hold its files are undone, then taken in again. Say either.

    Args:
        pipeline: The name of a file in the pipelines folder, without its suffix.
        rebuild: All landed files that the table was made of.
        files: The batches with files of these paths; a pattern below the landing zone, with * ? [] and **.
        since: The batches with files last changed at this time or later; UTC unless it has a zone.
        until: The batches with files last changed before this time; UTC unless it has a zone.
        dry_run: Only say what would be done.
    """
    from pipelines.backfill.backfill import backfill as backfill_now  # not at the top: `ingest` needs none
    from pipelines.backfill.request import BackfillRequest

    settings = Settings.from_environment()
    spec = load_pipeline(pipeline, settings)
    request = BackfillRequest(rebuild, files, since, until, dry_run)
    alone = nullcontext() if dry_run else instead_of_ingest(pipeline)
    with alone, watched(spec) as watch:
        summary = beside_others(
            lambda: backfill_now(spec, request, settings, progress=watch.progress, step=watch.step)
        )
        for batch in summary.batches:
            watch.committed(batch)
    return done(_said(summary), summary.as_dict())


def _said(summary: BackfillSummary) -> str:
    again = ", ".join(map(str, summary.again[:10])) + (", …" if len(summary.again) > 10 else "")
    which = "the whole table" if summary.rebuild else f"batches {again}"
    written = sum(one.rows_written for one in summary.batches)
    if summary.dry_run:
        return f"would take in again: {which}, {summary.files:,} files"
    return (
        f"taken in again: {which}, {summary.files:,} files; "
        f"{summary.rows_removed:,} rows taken out, {written:,} written"
    )
