"""Landed files taken in again under today's specification: all of them, or those of a range."""

from __future__ import annotations

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.backfill.request import BackfillRequest, BackfillSummary
from pipelines.progress import Progress
from pipelines.step import Step, at_once


def backfill(
    pipeline: Pipeline,
    request: BackfillRequest,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    step: Step = at_once,
) -> BackfillSummary:
    """Does what is asked for; each file is in the table exactly once afterwards, as before.

    Safe to repeat, and to race with runs of the same pipeline. `step` does the steps of its batches.

    Raises:
        BackfillError: There is nothing to take in again, or landed files are gone; nothing was changed.
        UndoError, IrreversibleError: The table cannot be changed so; says why, and what to do.
        ConcurrentRunError: Another run of the same pipeline goes on.
        PenstockError: The batch under way failed; it is not visible.
    """
    settings = settings or Settings.from_environment()
    if request.rebuild:
        from pipelines.backfill.rebuild import rebuild

        return rebuild(pipeline, settings, dry_run=request.dry_run, progress=progress, step=step)
    from pipelines.backfill.chosen import take_in_again  # one of them is enough

    return take_in_again(pipeline, request, settings, progress, step)
