"""How a deployment differs from what it should be."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pipelines.deployments.schedules import same_form


def is_same(body: dict[str, Any], there: dict[str, Any]) -> bool:
    """Whether the deployment `there`, as the API gives it, is what `body` asks for.

    What a person switches in the UI, a pause and active schedules, does not count.
    """
    return _comparable(body, body.get("concurrency_limit")) == _comparable(there, _limit(there))


def keep_schedules(body: dict[str, Any], there: dict[str, Any], slugs: Collection[str]) -> dict[str, Any]:
    """The body with the schedules of these slugs as they are there."""
    kept = [_as_given(one) for one in there["schedules"] if one["slug"] in slugs]
    return {**body, "schedules": body["schedules"] + kept}


def keep_switches(
    body: dict[str, Any], there: dict[str, Any], *, came_back: bool
) -> tuple[dict[str, Any], bool]:
    """The body with what a person has switched off still off, and whether its schedules start nothing then.

    A deployment whose pipeline file was gone and `came_back` is switched on again.
    """
    if came_back:
        return {**body, "paused": False}, False
    active = {one["slug"]: one["active"] for one in there["schedules"]}
    schedules = [{**one, "active": active.get(one["slug"], True)} for one in body["schedules"]]
    off = bool(schedules) and not any(one["active"] for one in schedules)
    return {**body, "schedules": schedules}, there["paused"] or off


def _as_given(schedule: dict[str, Any]) -> dict[str, Any]:
    names = ("slug", "parameters", "active")
    return {"schedule": same_form(schedule["schedule"]), **{name: schedule[name] for name in names}}


def _comparable(deployment: dict[str, Any], limit: int | None) -> dict[str, Any]:
    plain = (
        "entrypoint",
        "description",
        "tags",
        "parameters",
        "parameter_openapi_schema",
        "enforce_parameter_schema",
        "work_pool_name",
        "job_variables",
    )
    return {
        **{name: deployment.get(name) for name in plain},
        "limit": limit,
        "collision": dict(deployment.get("concurrency_options") or {}),
        "schedules": {
            one["slug"]: (same_form(one["schedule"]), one["parameters"]) for one in deployment["schedules"]
        },
    }


def _limit(there: dict[str, Any]) -> int | None:
    limit = there.get("global_concurrency_limit")
    return limit["limit"] if limit else None
