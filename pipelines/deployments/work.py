"""A worker from its start to its end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from pipelines.deployments.worker import WarmWorker


def work(*, pool: str, limit: int | None = None, name: str | None = None) -> None:
    """Runs a worker until SIGINT or SIGTERM tells it to stop; its runs are stopped with it."""
    with suppress(asyncio.CancelledError):
        asyncio.run(_work(WarmWorker(work_pool_name=pool, limit=limit, name=name)))


async def _work(worker: WarmWorker) -> None:
    working = asyncio.create_task(worker.start())
    for stop in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stop, working.cancel)
    await working
