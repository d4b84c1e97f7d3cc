"""Starts flow runs in forked processes, in the way in which Prefect's executor has it."""

from __future__ import annotations

from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess, SpawnProcess
from pathlib import Path
from typing import Final, cast

import anyio
import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.runner._control_channel import ControlChannel
from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope

from pipelines.deployments.warm_process import reap, start_engine

GRACE_S: Final = 10.0


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
        if not wait([process.sentinel], GRACE_S):
            handle.hard_kill()
    reap(process)
