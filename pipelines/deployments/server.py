"""The Prefect server that is deployed to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import get_current_settings
from prefect.workers.process import ProcessWorker

from pipelines.errors import DeploymentError

_PAGE: Final = 200
_HTTP_UNAUTHORIZED: Final = 401
_HTTP_BUSY: Final = 503


@asynccontextmanager
async def connected() -> AsyncIterator[PrefectClient]:
    """A client of the server of `PREFECT_API_URL`, which has answered.

    Raises:
        DeploymentError: No server is set, or it does not answer, or refuses us, or what it is asked for.
    """
    url = get_current_settings().api.url
    if not url:
        raise DeploymentError(
            "no Prefect server is set",
            where="environment variable PREFECT_API_URL",
            expected="its address, such as http://127.0.0.1:4200/api",
            next_step="start one: prefect server start; then set PREFECT_API_URL",
        )
    try:
        async with get_client() as client:
            yield client
    except httpx.HTTPStatusError as error:
        raise _refused(error, url) from error
    except (httpx.HTTPError, OSError, RuntimeError) as error:
        raise DeploymentError(
            "the Prefect server cannot be reached",
            where=url,
            got=f"{type(error).__name__}: {error}",
            next_step="start it: prefect server start; or correct PREFECT_API_URL",
        ) from error


async def ensure_pool(client: PrefectClient, pool: str) -> str:
    """The type of the work pool; it is made, for processes beside the worker, where it is missing."""
    try:
        return (await client.read_work_pool(pool)).type
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        with suppress(ObjectAlreadyExists):  # somebody else made it meanwhile
            await client.create_work_pool(
                WorkPoolCreate(name=pool, type=ProcessWorker.type, base_job_template=template)
            )
        return ProcessWorker.type


async def read_deployments(client: PrefectClient, *, tag: str, pool: str) -> list[dict[str, Any]]:
    """All deployments with the tag, in the pool, as the API gives them."""
    found: list[dict[str, Any]] = []
    while True:
        page = await client.request(
            "POST",
            "/deployments/filter",
            json={
                "deployments": {"tags": {"all_": [tag]}},
                "work_pools": {"name": {"any_": [pool]}},
                "limit": _PAGE,
                "offset": len(found),
                "sort": "NAME_ASC",
            },
        )
        found += page.json()
        if len(page.json()) < _PAGE:
            return found


async def write_deployment(client: PrefectClient, flow_id: UUID, body: dict[str, Any]) -> None:
    """Creates the deployment, or puts it in the place of the one of its name; runs are planned anew."""
    await client.request("POST", "/deployments/", json={"flow_id": str(flow_id), **body})


async def pause_deployment(client: PrefectClient, deployment_id: str, tags: list[str]) -> None:
    """Lets no schedule start it any more, and gives it other tags."""
    await client.request(
        "PATCH",
        "/deployments/{id}",
        path_params={"id": deployment_id},
        json={"paused": True, "tags": tags},
    )


def _refused(error: httpx.HTTPStatusError, url: str) -> DeploymentError:
    if error.response.status_code == _HTTP_UNAUTHORIZED:
        return DeploymentError(
            "the Prefect server does not let us in",
            where=url,
            got="401 Unauthorized",
            next_step="set PREFECT_API_AUTH_STRING as the server has it, user:password",
        )
    if error.response.status_code == _HTTP_BUSY:
        return DeploymentError(
            "the Prefect server is too busy",
            where=url,
            got="503: its database is locked by somebody else",
            next_step="deploy again: what is deployed already is not touched",
        )
    return DeploymentError(
        "the Prefect server refuses a request",
        where=f"{error.request.method} {error.request.url}",
        got=f"{error.response.status_code}: {error.response.text[:500]}",
        expected="a server of the same Prefect version",
    )
