"""The service from its start to its end: parts are watched until all are ready, and as long as all run."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence

from pipelines.errors import ServiceError
from pipelines.service.data_folder import DataFolder
from pipelines.service.part import Part
from pipelines.service.supervisor import Ended, Supervisor

READY_WITHIN_S = 300
"""Of all parts together; two idle cores need 30 s."""

_LOOK_EVERY_S = 0.25


def run_service(
    folder: DataFolder,
    parts: Sequence[Part],
    *,
    verbose: bool,
    on_ready: Callable[[Part], None],
    on_all_ready: Callable[[], None],
) -> None:
    """Runs until somebody asks it to stop: a KeyboardInterrupt, which ends it well.

    Raises:
        ServiceError: A part ended, or did not become ready in time; the others are stopped then.
    """
    supervisor = Supervisor(folder, parts, verbose=verbose)
    try:
        _wait_until_ready(supervisor, folder, parts, on_ready)
        on_all_ready()
        while True:
            _check(supervisor, folder)
            time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        return
    finally:
        supervisor.stop()


def _wait_until_ready(
    supervisor: Supervisor, folder: DataFolder, parts: Sequence[Part], on_ready: Callable[[Part], None]
) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    waiting = list(parts)
    while waiting:
        _check(supervisor, folder)
        for part in [one for one in waiting if _is_ready(one, folder)]:
            waiting.remove(part)
            (folder.markers / part.name).touch()
            on_ready(part)
        if waiting and time.monotonic() > deadline:
            late = waiting[0].name
            raise ServiceError(
                f"{late} did not become ready within {READY_WITHIN_S} s", where=folder.log(late)
            )
        time.sleep(_LOOK_EVERY_S)


def _is_ready(part: Part, folder: DataFolder) -> bool:
    if part.is_ready is None:
        return (folder.markers / part.name).exists()
    return all((folder.markers / one).exists() for one in part.after) and part.is_ready()


def _check(supervisor: Supervisor, folder: DataFolder) -> None:
    if (ended := supervisor.ended()) is not None:
        log = folder.log(ended.part)
        raise ServiceError(
            f"{ended.part} ended, so the rest was stopped",
            where=log if log.exists() else log.parent,  # the supervisor has none
            got=_how(ended),
            next_step="look into the log; starting again goes on with the same data",
        )


def _how(ended: Ended) -> str:
    if ended.status >= 0:
        return f"exit status {ended.status}"
    return f"killed by {signal.Signals(-ended.status).name}"
