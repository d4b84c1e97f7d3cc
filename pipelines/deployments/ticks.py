"""Runs that a schedule starts and that would find nothing to do: ended by the worker, without a process."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import anyio
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed

from pipelines.deployments.wanted import FLOWS, OWN, TAG
from pipelines.reports.lookout import Lookout

_SAID: Final = "nothing waits"


class Ticks:
    """The runs of schedules of `ingest` that a worker was given.

    Looks with the environment and in the folder of the worker, as runs have them, unless the work pool gives
    them variables of its own: then it leaves all of them to runs.
    """

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._lookout = Lookout()
        self._flow: UUID | None = None
        self._busy: set[UUID] = set()

    def close(self) -> None:
        """Ends the process that looks."""
        self._lookout.close()

    async def chosen(self, runs: Sequence[FlowRun], pool: WorkPool | None) -> list[FlowRun]:
        """The runs that are worth a look; each is looked at once."""
        self._busy &= {run.id for run in runs}
        if pool is None or _environment(pool):
            return []
        ours = [run for run in runs if run.auto_scheduled and TAG in run.tags and run.id not in self._busy]
        if ours and self._flow is None:
            self._flow = (await self._client.read_flow_by_name(FLOWS[OWN].name)).id
        return [run for run in ours if run.flow_id == self._flow]

    async def end_idle(self, runs: Sequence[FlowRun]) -> None:
        """Ends those runs that would find nothing to do."""
        self._busy |= {run.id for run in runs}
        names = [str(run.parameters.get("pipeline")) for run in runs]
        idle = await anyio.to_thread.run_sync(self._lookout.idle, sorted(set(names)))
        for run, name in zip(runs, names, strict=True):
            if name not in idle:
                continue
            with suppress(ObjectNotFound):  # a person has removed it meanwhile
                await self._client.set_flow_run_state(run.id, Completed(message=_SAID))


def _environment(pool: WorkPool) -> Any:
    """The variables that the pool gives to its runs."""
    variables = pool.base_job_template.get("variables", {}).get("properties", {})
    return variables.get("env", {}).get("default")
