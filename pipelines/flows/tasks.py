"""The steps of flows as tasks: coarse ones, tried again where trying again may help."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

from prefect import State, Task
from prefect.cache_policies import NO_CACHE

from config.errors import PenstockError

R = TypeVar("R")

RETRY_DELAYS_S: Final = (2, 8, 32)
"""Waits before the second, third and fourth try, each up to a half longer or shorter, so that runs that
failed together do not come back together."""

_log = logging.getLogger(__name__)


def is_retryable(_task: object, _task_run: object, state: State[Any]) -> bool:
    """Whether the error that a task failed with says that the same call may succeed later."""
    return getattr(state.data, "retryable", False) is True


def as_task(what: str, of: str, do: Callable[[], R], kind: Callable[..., Task[[], R]] = Task) -> R:
    """A `pipelines.step.Step` that is a task run, named `what of`.

    The task has no parameters: Prefect neither sees, walks through, nor keeps what a step works on. A task
    costs about 50 ms: one for a step of a batch, none for a file. `kind` makes it.
    """
    task = kind(
        _told_briefly(do),
        name=what,
        task_run_name=f"{what} {of}",
        retries=len(RETRY_DELAYS_S),
        retry_delay_seconds=list(RETRY_DELAYS_S),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_retryable,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    return task()


def _told_briefly(do: Callable[[], R]) -> Callable[[], R]:
    """`do`, whose errors come without the way they took: who reads the log of a run needs the message."""

    def step() -> R:
        try:
            return do()
        except PenstockError as error:
            _log.debug("the error in full", exc_info=error)
            raise error.with_traceback(None) from None

    return step
