"""The flow `maintain`: compacts, vacuums and checkpoints the tables of a pipeline."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefect import State, get_run_logger

from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.errors import PipelineError
from pipelines.flows.ending import as_flow, done, failed
from pipelines.flows.parameters import PipelineName
from pipelines.flows.tasks import as_task

if TYPE_CHECKING:
    from storage.maintenance.tending import Task, Tended


@as_flow
def maintain(
    pipeline: PipelineName, compact: bool = False, vacuum: bool = False, checkpoint: bool = False
) -> State[list[dict[str, Any]]]:
    """Does what the table, its ledger and its quarantine are due for by `table.upkeep`; says what and why.

    Safe beside runs of the pipeline and beside another maintenance. Where nothing is ticked, everything that
    is due is done; else only what is ticked, although little has come together.

    Args:
        pipeline: The name of a file in the pipelines folder, without its suffix.
        compact: Make small files large, two or more, whatever their number.
        vacuum: Remove the files that nobody needs any more.
        checkpoint: Make a checkpoint of the log, however short it is.
    """
    settings = Settings.from_environment()
    spec = load_pipeline(pipeline, settings)
    ticked: dict[Task, bool] = {"compact": compact, "vacuum": vacuum, "checkpoint": checkpoint}
    asked = tuple(task for task, wanted in ticked.items() if wanted)
    outcomes = as_task("maintain", spec.name, lambda: _tend(spec, settings, asked))
    if refused := [one for one in outcomes if one.task in asked and one.state == "refused"]:
        return failed(_refusal(refused))
    return done(_said(outcomes), [asdict(one) for one in outcomes])


def _tend(pipeline: Pipeline, settings: Settings, asked: tuple[Task, ...]) -> list[Tended]:
    """Tells of each outcome when it is there: a second try would find nothing to do any more."""
    from pipelines.maintain import maintain as maintain_now  # not at the top: `ingest` needs none of it
    from pipelines.reports.tended import sentence

    log, outcomes = get_run_logger(), []
    for one in maintain_now(pipeline, settings, asked):
        log.info("%s: %s", one.uri, sentence(one))
        outcomes.append(one)
    return outcomes


def _refusal(refused: list[Tended]) -> PipelineError:
    return PipelineError(
        "maintenance cannot do what it was asked to",
        where=", ".join(one.uri for one in refused),
        got="; ".join(f"{one.task}: {one.why}" for one in refused),
        next_step="untick it; without a tick everything that is due and possible is done",
    )


def _said(outcomes: list[Tended]) -> str:
    """One line for each table where something was done."""
    from pipelines.reports.tended import sentence

    if not outcomes:
        return "no table yet, the first batch makes it"
    lines = [f"{one.uri}: {sentence(one)}" for one in outcomes if one.state == "done"]
    return "\n".join(lines) or "nothing is due"
