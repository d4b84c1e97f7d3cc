"""Brings the deployments on a Prefect server in line with the pipelines folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient

from config.errors import PenstockError
from config.names import check_pipeline_name
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import list_pipelines, load_pipeline
from pipelines.deployments.differences import is_same, keep_schedules, keep_switches
from pipelines.deployments.lost_runs import ensure_lost_runs_end
from pipelines.deployments.schedules import schedules_text
from pipelines.deployments.server import (
    connected,
    ensure_pool,
    pause_deployment,
    read_deployments,
    write_deployment,
)
from pipelines.deployments.wanted import FLOWS, OWN, TAG, Wanted, wanted_deployments

POOL: Final = "penstock"
REMOVED: Final = "removed"
"""The tag of a deployment that was paused because its pipeline file is gone."""
_AT_ONCE: Final = 2  # SQLite lets one write at a time; more of them only wait for its lock

Change = Literal["created", "updated", "unchanged", "paused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What became of one deployment.

    Attributes:
        name: `FLOW/NAME`.
        change: `paused` where the pipeline file is gone.
        schedule: In words, `2 schedules` where there are more; None for none.
        paused: Whether its schedule starts nothing now, since the file is gone or a person wanted it so.
    """

    name: str
    change: Change
    schedule: str | None
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What became of the deployments of a pipelines folder; `broken` holds the files that are wrong."""

    pool: str
    deployments: tuple[Deployment, ...]
    broken: dict[str, PenstockError]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`, without the broken files."""
        return {"pool": self.pool, "deployments": [asdict(one) for one in self.deployments]}


def deploy(settings: Settings, *, pool: str = POOL) -> Deployed:
    """Creates, updates and pauses deployments until they are as the pipelines folder says.

    May be called again at any time: what is as it should be is not touched. What a person paused stays
    paused. A file that is wrong leaves its deployments as they are.

    Raises:
        DeploymentError: The server cannot be reached, or refuses.
    """
    specs: dict[str, Pipeline] = {}
    wrong: dict[Path, PenstockError] = {}
    for path in list_pipelines(settings):
        try:
            specs[check_pipeline_name(path.stem)] = load_pipeline(path, settings)
        except PenstockError as error:
            wrong[path] = error
    broken = {path.stem for path in wrong}
    done = asyncio.run(_deploy(wanted_deployments(specs, broken, pool), broken, pool))
    return Deployed(
        pool=pool, deployments=tuple(done), broken={str(path): error for path, error in wrong.items()}
    )


async def _deploy(wanted: list[Wanted], broken: set[str], pool: str) -> list[Deployment]:
    async with connected() as client:
        await ensure_pool(client, pool)
        await ensure_lost_runs_end(client, TAG)
        there = await read_deployments(client, tag=TAG, pool=pool)
        flow_ids = {name: await client.create_flow_from_name(flow.name) for name, flow in FLOWS.items()}
        by_key = {(one["flow_id"], one["name"]): one for one in there}
        keys = [(str(flow_ids[one.flow]), one.name) for one in wanted]
        changes = [
            _bring_in_line(client, one, by_key.get(key), flow_ids, pool)
            for one, key in zip(wanted, keys, strict=True)
        ]
        names = {str(flow_id): FLOWS[name].name for name, flow_id in flow_ids.items()}
        kept = {*keys, *((str(flow_ids[OWN]), name) for name in broken)}
        gone = [
            _pause(client, by_key[key], names[key[0]])
            for key in by_key
            if key[0] in names and key not in kept
        ]
        return await _few_at_once([*changes, *gone])


async def _bring_in_line(
    client: PrefectClient,
    wanted: Wanted,
    there: dict[str, Any] | None,
    flow_ids: dict[str, UUID],
    pool: str,
) -> Deployment:
    body = wanted.body(pool)
    change: Change = "created"
    paused = False
    if there is not None:
        body = keep_schedules(body, there, wanted.unknown)
        change = "unchanged" if is_same(body, there) else "updated"
        body, paused = keep_switches(body, there, came_back=REMOVED in there["tags"])
    if change != "unchanged":
        await write_deployment(client, flow_ids[wanted.flow], body)
    return Deployment(
        name=wanted.full_name,
        change=change,
        schedule=schedules_text([*wanted.schedules.values()]),
        paused=paused,
    )


async def _pause(client: PrefectClient, there: dict[str, Any], flow: str) -> Deployment:
    was = REMOVED in there["tags"]
    if not was:
        await pause_deployment(client, there["id"], [*there["tags"], REMOVED])
    return Deployment(
        name=f"{flow}/{there['name']}", change="unchanged" if was else "paused", schedule=None, paused=True
    )


async def _few_at_once(changes: Iterable[Awaitable[Deployment]]) -> list[Deployment]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(change: Awaitable[Deployment]) -> Deployment:
        async with gate:
            return await change

    return list(await asyncio.gather(*map(one, changes)))
