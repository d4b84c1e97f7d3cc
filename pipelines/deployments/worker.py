"""The worker of `penstock worker`: Prefect's worker for processes, whose flow runs start warm.

`prefect worker start --pool penstock` runs the same deployments; only each of its runs takes seconds of CPU
time until it begins.
"""

from __future__ import annotations

import os
from abc import ABC
from collections.abc import Callable, Coroutine
from typing import Any, Final

import anyio
import anyio.abc
import httpx
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import PrefectException
from prefect.flows import load_flow_from_flow_run
from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.settings import get_current_settings
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from pipelines.deployments.backlog import has_backlog, skip_backlog
from pipelines.deployments.ticks import Ticks
from pipelines.deployments.warm_process import start_server
from pipelines.deployments.warm_starter import GRACE_S, WarmStarter

_SETTINGS: Final = "PREFECT_"
_OF_THE_RUN: Final = "PREFECT__"


class WarmWorker(ProcessWorker, ABC):  # ABC: Prefect does not take it for the worker of its pool type
    """A process worker that forks flow runs.

    A deployment that asks for a command of its own, or for other settings of Prefect, gets a fresh process.
    """

    async def __aenter__(self) -> WarmWorker:
        start_server()
        self._runs = FlowRunExecutorContext()
        await self._runs.__aenter__()
        await super().__aenter__()
        self._ticks, self._tidying = Ticks(self.client), False
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        try:
            await super().__aexit__(*exc_info)
        finally:
            self._ticks.close()
            await self._runs.__aexit__(None, None, None)

    async def _submit_scheduled_flow_runs(
        self, flow_run_response: list[WorkerFlowRunResponse]
    ) -> list[FlowRun]:
        """Has those ended first that a schedule starts and that have nothing to do; submits the others."""
        due = [one.flow_run for one in flow_run_response]
        chosen = await self._ticks.chosen(due, self._work_pool)
        looked_at = [run for run in chosen if run.id not in self._submitting_flow_run_ids]
        if looked_at:
            self._submitting_flow_run_ids |= {run.id for run in looked_at}
            self._beside(self._end_idle, looked_at)
        if has_backlog(due) and not self._tidying:
            self._tidying = True
            self._beside(self._tidy)
        return await super()._submit_scheduled_flow_runs(flow_run_response)

    def _beside(self, do: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        assert self._runs_task_group is not None
        self._runs_task_group.start_soon(do, *args)

    async def _end_idle(self, runs: list[FlowRun]) -> None:
        """Those that have something to do come again with the next question for what is due."""
        try:
            await self._ticks.end_idle(runs)
        except (httpx.HTTPError, PrefectException) as error:
            self._logger.warning("cannot end runs that have nothing to do: %r", error)
        finally:
            self._submitting_flow_run_ids -= {run.id for run in runs}

    async def _tidy(self) -> None:
        try:
            if skipped := await skip_backlog(self.client, self._work_pool_name):
                self._logger.info("%d runs are skipped: newer ones of their schedules are due", skipped)
        except (httpx.HTTPError, PrefectException) as error:
            self._logger.warning("cannot skip runs that newer ones make needless: %r", error)
        finally:
            self._tidying = False

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Runs a flow run; returns when its process has ended."""
        if not _is_plain(configuration) or configuration.working_dir is None:
            return await super().run(flow_run, configuration, task_status)
        environment = {name: value for name, value in configuration.env.items() if value is not None}
        starter = WarmStarter(environment, configuration.working_dir.resolve(), self._runs.control_channel)
        executor = self._runs.create_executor(
            flow_run, starter, resolve_flow=load_flow_from_flow_run, propose_submitting=False
        )
        try:
            async with anyio.create_task_group() as group:
                handle = await group.start(executor.submit)
                if task_status is not None:
                    task_status.started(handle.pid or 0)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(GRACE_S, shield=True):  # or its slot would be taken for two minutes
                await self._propose_crashed_state(flow_run, "its worker was stopped")
            raise
        return ProcessWorkerResult(status_code=handle.returncode or 0, identifier=str(handle.pid))


def _is_plain(configuration: ProcessJobConfiguration) -> bool:
    """Whether the run needs nothing that the server process, which has imported Prefect, has not."""
    ours = os.environ | get_current_settings().to_environment_variables(exclude_unset=True)
    return not configuration._command_configured and _settings(configuration.env) == _settings(ours)


def _settings(environment: Any) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_SETTINGS) and not name.startswith(_OF_THE_RUN)
    }
