"""The flow `replay`: decodes the records of the quarantine again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import State

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.flows.ending import as_flow, done
from pipelines.flows.parameters import PipelineName
from pipelines.flows.tasks import beside_others
from pipelines.flows.watched import watched

if TYPE_CHECKING:
    from pipelines.replay import ReplaySummary


@as_flow
def replay(pipeline: PipelineName) -> State[dict[str, Any]]:
    """Decodes the quarantined records again under the contract of today; takes in those that now fit, once.

    Records that still do not fit stay in the quarantine. It first finishes the batch that an earlier run has
    left, if there is one.

    Args:
        pipeline: The name of a file in the pipelines folder, without its suffix.
    """
    from pipelines.replay import replay as replay_now  # not at the top: `ingest` needs none of it

    settings = Settings.from_environment()
    spec = load_pipeline(pipeline, settings)
    with watched(spec) as watch:
        summary = beside_others(lambda: replay_now(spec, settings, progress=watch.progress, step=watch.step))
        for batch in summary.batches:
            watch.committed(batch)
    return done(_said(summary), summary.as_dict())


def _said(summary: ReplaySummary) -> str:
    if not summary.open:
        return "nothing is in the quarantine"
    counts = {
        "taken in": summary.taken_in,
        "dropped": summary.dropped,
        "duplicates": summary.duplicates,
        **{f"still refused as {reason}": count for reason, count in summary.still_refused.items()},
        "not replayable": summary.not_replayable,
    }
    parts = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"{summary.open:,} in the quarantine: {', '.join(parts)}"
