"""Due runs of a schedule that newer due runs of it make needless: they came while no worker was there.

Each run takes in all that has landed, and tends a table for all that has become due, so that the newest does
what the others would. Without this a worker would begin with hours of runs, one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun

from pipelines.deployments.wanted import TAG

_PAGE: Final = 50
"""The most that the server changes at once."""
_SET_STATES: Final[Any] = "/flow_runs/bulk_set_state"
"""The list of paths that Prefect's client knows lacks it.

Runs are not deleted: the server would then remove the logs of each in a task of its own, all at once, and
SQLite would be locked for a minute.
"""
_SKIPPED: Final = {
    "type": "CANCELLED",
    "name": "Skipped",
    "message": "a newer run of the same schedule is due, which does the same",
}


def has_backlog(due: Sequence[FlowRun]) -> bool:
    """Whether a schedule has more than one run among these."""
    schedules = [
        run.created_by.id for run in due if run.auto_scheduled and TAG in run.tags and run.created_by
    ]
    return len(set(schedules)) < len(schedules)


async def skip_backlog(client: PrefectClient, pool: str) -> int:
    """Cancels of each schedule all due runs but the newest; how many.

    Safe to repeat, and beside workers: a run that one of them has taken is not due any more.
    """
    due = {
        "state": {"name": {"any_": ["Scheduled", "Late"]}},
        "tags": {"all_": [TAG, "auto-scheduled"]},
        "expected_start_time": {"before_": datetime.now(UTC).isoformat()},
    }
    newest: set[str] = set()
    skipped = 0
    while page := await _page(client, pool, due, offset=len(newest)):
        needless = []
        for run in page:
            needless += [run["id"]] if (schedule := _schedule(run)) in newest else []
            newest.add(schedule)
        if needless:
            which = {**due, "id": {"any_": needless}}
            await client.request("POST", _SET_STATES, json={"flow_runs": which, "state": _SKIPPED})
            skipped += len(needless)
    return skipped


def _schedule(run: dict[str, Any]) -> str:
    return str((run["created_by"] or {}).get("id"))


async def _page(
    client: PrefectClient, pool: str, due: dict[str, Any], *, offset: int
) -> list[dict[str, Any]]:
    """Due runs, the newest first, those that stay in the beginning."""
    asked = {
        "flow_runs": due,
        "work_pools": {"name": {"any_": [pool]}},
        "sort": "EXPECTED_START_TIME_DESC",
        "limit": _PAGE,
        "offset": offset,
    }
    found: list[dict[str, Any]] = (await client.request("POST", "/flow_runs/filter", json=asked)).json()
    return found
