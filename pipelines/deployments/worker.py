"""The worker of `penstock worker`: Prefect's worker for processes, whose flow runs start warm.

`prefect worker start --pool penstock` runs the same deployments; only each of its runs takes seconds of CPU
time until it begins.
"""

from __future__ import annotations

import os
from abc import ABC
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess, SpawnProcess
from pathlib import Path
from typing import Any, Final, cast

import anyio
import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_flow_run
from prefect.runner._control_channel import ControlChannel
from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope
from prefect.settings import get_current_settings
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from pipelines.deployments.warm_process import reap, start_engine, start_server

_GRACE_S: Final = 10.0
_SETTINGS: Final = "PREFECT_"
_OF_THE_RUN: Final = "PREFECT__"


class WarmStarter:
    """Starts a flow run in a forked process, and waits for its end."""

    def __init__(self, environment: dict[str, str], folder: Path, control: ControlChannel) -> None:
        self._environment = environment
        self._folder = folder
        self._control = control

    async def start(
        self,
        flow_run: FlowRun,
        task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Returns when the process has ended."""
        port, token = self._control.register(flow_run.id)
        environment = self._environment | {
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
            "PREFECT__CONTROL_PORT": str(port),
            "PREFECT__CONTROL_TOKEN": token,
        }
        try:
            process = await anyio.to_thread.run_sync(start_engine, environment, self._folder)
        except BaseException:
            self._control.unregister(flow_run.id)
            raise
        assert process.pid is not None
        # It has what Prefect asks of a process that was spawned; it was forked by a process that was.
        handle = ProcessHandle(cast(SpawnProcess, process), create_isolated_termination_scope(process.pid))
        task_status.started(handle)
        try:
            await anyio.wait_readable(process.sentinel)
            await anyio.to_thread.run_sync(reap, process)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_end, handle, process)
            raise


def _end(handle: ProcessHandle, process: ForkServerProcess) -> None:
    """Ends the run of a worker that stops: politely, so that it can tell the server, then by force."""
    with suppress(ProcessLookupError):
        handle.graceful_kill()
        if not wait([process.sentinel], _GRACE_S):
            handle.hard_kill()
    reap(process)


class WarmWorker(ProcessWorker, ABC):  # ABC: Prefect does not take it for the worker of its pool type
    """A process worker that forks flow runs.

    A deployment that asks for a command of its own, or for other settings of Prefect, gets a fresh process.
    """

    async def __aenter__(self) -> WarmWorker:
        start_server()
        self._runs = FlowRunExecutorContext()
        await self._runs.__aenter__()
        await super().__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        try:
            await super().__aexit__(*exc_info)
        finally:
            await self._runs.__aexit__(None, None, None)

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
            with anyio.move_on_after(_GRACE_S, shield=True):  # or its slot would be taken for two minutes
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
