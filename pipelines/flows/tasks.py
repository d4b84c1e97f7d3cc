"""Tasks of the flows: coarse ones, tried again where trying again may help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from prefect import State, Task
from prefect.cache_policies import NO_CACHE

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_S: Final = (2, 8, 32)


def is_retryable(_task: object, _task_run: object, state: State[Any]) -> bool:
    """Whether the error that a task failed with says that the same call may succeed later."""
    return getattr(state.data, "retryable", False) is True


def coarse_task(run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Makes a function a task whose runs bear `run_name`, a template over its arguments.

    A task costs about 50 ms: one for a step of a batch, none for a file.
    """

    def wrap(function: Callable[P, R]) -> Task[P, R]:
        return Task(
            function,
            task_run_name=run_name,
            retries=len(RETRY_DELAYS_S),
            retry_delay_seconds=list(RETRY_DELAYS_S),
            retry_jitter_factor=0.5,
            retry_condition_fn=is_retryable,
            cache_policy=NO_CACHE,
            persist_result=False,
        )

    return wrap
