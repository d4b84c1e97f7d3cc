"""The flow `verify`: proves that no record was lost or doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from prefect import State

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.errors import PipelineError
from pipelines.flows.ending import as_flow, done, failed
from pipelines.flows.parameters import PipelineName
from pipelines.flows.tasks import as_task

if TYPE_CHECKING:
    from pipelines.proof.proof import Proof

_MOST_SHOWN: Final = 20


@as_flow
def verify(pipeline: PipelineName) -> State[dict[str, Any]]:
    """Proves from storage alone that no record was lost or doubled; fails where the proof does not hold.

    Holds ledger, commits, quarantine, data files and, where they are still there, the landed files against
    one another. Runs of the pipeline may go on meanwhile.

    Args:
        pipeline: The name of a file in the pipelines folder, without its suffix.
    """
    from pipelines.proof.proof import prove  # not at the top: `ingest` needs none of it

    settings = Settings.from_environment()
    spec = load_pipeline(pipeline, settings)
    proof = as_task("verify", spec.name, lambda: prove(spec, settings))
    if not proof.ok:
        return failed(_not_proved(pipeline, proof))
    return done(_held(proof), proof.as_dict())


def _held(proof: Proof) -> str:
    committed = [one for one in proof.batches if one.state == "committed"]
    records = sum(one.records_read or 0 for one in committed)
    return f"the proof holds: {len(committed):,} committed batches, {records:,} records"


def _not_proved(pipeline: str, proof: Proof) -> PipelineError:
    shown, hidden = proof.violations[:_MOST_SHOWN], len(proof.violations) - _MOST_SHOWN
    more = [f"and {hidden:,} more"] if hidden > 0 else []
    return PipelineError(
        f"the proof does not hold: {len(proof.violations):,} violations",
        where=f"pipeline {pipeline}",
        got="\n    ".join([*map(str, shown), *more]),
        expected="storage that agrees with itself in every place",
        next_step=f"look at these places before anything else runs; all of them: penstock verify {pipeline}",
    )
