"""The steps of flows as tasks: coarse ones, tried again where trying again may help."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from prefect import State, Task, get_run_logger
from prefect.cache_policies import NO_CACHE

from config.errors import PenstockError
from storage.errors import ConcurrentRunError

R = TypeVar("R")

RETRY_DELAYS_S: Final = (2, 8, 32)
"""Waits before the second, third and fourth try, each up to a half longer or shorter, so that runs that
failed together do not come back together."""

_log = logging.getLogger(__name__)


def is_retryable(_task: object, _task_run: object, state: State[Any]) -> bool:
    """Whether the error that a task failed with says that the same call may succeed later."""
    return getattr(state.data, "retryable", False) is True


def how_tried() -> dict[str, Any]:
    """The arguments of every task of ours: tried again with back-off where that may help, nothing kept."""
    return {
        "retries": len(RETRY_DELAYS_S),
        "retry_delay_seconds": list(RETRY_DELAYS_S),
        "retry_jitter_factor": 0.5,
        "retry_condition_fn": is_retryable,
        "cache_policy": NO_CACHE,
        "persist_result": False,
    }


def as_task(what: str, of: str, do: Callable[[], R], kind: Callable[..., Task[[], R]] = Task) -> R:
    """A `pipelines.step.Step` that is a task run, named `what of`.

    The task has no parameters: Prefect neither sees, walks through, nor keeps what a step works on. A task
    costs about 50 ms: one for a step of a batch, none for a file. `kind` makes it.
    """
    task = kind(
        _told_briefly(do),
        name=what,
        task_run_name=f"{what} {of}",
        **how_tried(),
    )
    return task()


def beside_others(do: Callable[[], R]) -> R:
    """`do`, which is safe to repeat, and again after a while where another run of the pipeline was faster.

    Raises:
        ConcurrentRunError: The other one goes on and on.
    """
    for delay_s in RETRY_DELAYS_S:
        try:
            return do()
        except ConcurrentRunError as error:
            get_run_logger().warning("%s; trying again in %d s", error.what, delay_s)
            time.sleep(delay_s)
    return do()


def _told_briefly(do: Callable[[], R]) -> Callable[[], R]:
    """`do`, whose errors come without the way they took: who reads the log of a run needs the message."""

    def step() -> R:
        try:
            return do()
        except PenstockError as error:
            _log.debug("the error in full", exc_info=error)
            raise error.with_traceback(None) from None

    return step
