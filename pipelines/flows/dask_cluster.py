"""The Dask cluster of a run: one that is there, or one of its own on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from prefect_dask.task_runners import DaskTaskRunner

from config.settings import Settings
from pipelines.errors import ClusterError

_WORKERS_WITHIN_S: Final = 120
_LOOPBACK: Final = "127.0.0.1"


def task_runner(settings: Settings) -> DaskTaskRunner:
    """A task runner that has not begun: a cluster of its own starts with the first task."""
    if settings.dask_scheduler is not None:
        runner = DaskTaskRunner(address=settings.dask_scheduler)
    else:
        runner = DaskTaskRunner(cluster_kwargs=own_cluster(settings))
    for logger in (runner.logger, logging.getLogger("distributed")):
        logger.setLevel(logging.WARNING)  # below, every connection is told, and a dashboard that is not there
    return runner


def own_cluster(settings: Settings) -> dict[str, Any]:
    """What a cluster on this machine is made with: processes that do one thing at a time.

    Penstock bounds its memory itself; Dask would kill workers for what their allocators hold on to.
    """
    return {
        "n_workers": settings.dask_workers,
        "threads_per_worker": 1,
        "processes": True,
        "host": _LOOPBACK,
        "dashboard_address": f"{_LOOPBACK}:0",
        "scheduler_kwargs": {"dashboard": False},
        "memory_limit": 0,
        "silence_logs": logging.WARNING,
        "env": {"PENSTOCK_THREADS": str(max(1, settings.threads // settings.dask_workers))},
    }


def connected(runner: DaskTaskRunner, settings: Settings) -> int:
    """How many worker processes the cluster of a runner that has begun has, at least one.

    Raises:
        ClusterError: Nobody answers at the address of the scheduler, or it has no workers.
    """
    try:
        runner.client.wait_for_workers(1, timeout=_WORKERS_WITHIN_S)
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            "the Dask cluster cannot be used",
            where=settings.dask_scheduler or "a cluster of this run's own",
            got=f"{type(error).__name__}: {error}",
            expected="a scheduler that answers, with at least one worker",
            next_step="check PENSTOCK_DASK_SCHEDULER, and start workers; the next run takes the batch up",
        ) from error
    return len(runner.client.scheduler_info(n_workers=-1)["workers"])


@contextmanager
def failures_told(what: str) -> Iterator[None]:
    """Turns what Dask says of lost groups into an error of ours; what a group itself raises passes.

    Raises:
        ClusterError: The group is lost.
    """
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise ClusterError(
            "every worker that was given this group of files has died",
            where=what,
            got=f"the last one at {error.last_worker.address}",
            next_step="look at the logs of the workers: too little memory is the likely reason; "
            "the next run takes the batch up",
        ) from error
    except (FutureCancelledError, CommClosedError) as error:
        raise ClusterError(
            "the connection to the Dask cluster is lost",
            where=what,
            got=f"{type(error).__name__}: {error}",
            next_step="run again once the scheduler is there: the next run takes the batch up",
        ) from error
