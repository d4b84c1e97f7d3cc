"""Runs whose process died without a word: marked as crashed, so that the next run of the pipeline may begin.

Every run of ours tells every 30 seconds that it is alive, whatever worker runs it (an environment variable
of its deployment). An automation of the server marks those as crashed that have not been heard of for 90
seconds; that gives back the one slot of the pipeline.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from pipelines.flows.ending import RUN_ENDED

HEARTBEAT: Final = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
_UNHEARD_OF: Final = timedelta(seconds=90)
_NAME: Final = "penstock: lost runs"
_STATES: Final = ("Completed", "Failed", "Cancelled", "Crashed")
_ENDS: Final = frozenset({RUN_ENDED, *(f"prefect.flow-run.{state}" for state in _STATES)})


async def ensure_lost_runs_end(client: PrefectClient, tag: str) -> None:
    """Creates the automation for runs with the tag, unless it is there; one that a person changed stays."""
    if not await client.read_automations_by_name(_NAME):
        await client.create_automation(_automation(tag))


def _automation(tag: str) -> AutomationCore:
    beat = "prefect.flow-run.heartbeat"
    return AutomationCore(
        name=_NAME,
        description="Marks runs as crashed whose process died: nothing was heard of them for 90 s.",
        trigger=EventTrigger(
            after={beat},
            expect={beat, *_ENDS},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": ["tag"], "prefect.resource.id": [f"prefect.tag.{tag}"]}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=_UNHEARD_OF,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"nothing was heard of its process for {_UNHEARD_OF.total_seconds():.0f} s",
            )
        ],
    )
