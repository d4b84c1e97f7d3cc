"""The deployments that a folder of pipelines asks for: `FLOW/NAME`, of each flow one for each pipeline file.

NAME is the name of the file without its suffix, which is also the parameter `pipeline` of the flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from prefect import Flow
from prefect.utilities.callables import parameter_schema

from config.pipeline import Pipeline
from config.schedule import Schedule
from pipelines import flows
from pipelines.deployments.lost_runs import HEARTBEAT
from pipelines.deployments.schedules import SLUG, prefect_schedule

_TIME_TO_BEGIN_S: Final = 120
"""A run that was given to a worker and has not begun by then lost it; another may begin."""

TAG: Final = "penstock"
"""By which a deployment is known as one of ours."""

FLOWS: Final[dict[str, Flow[..., Any]]] = {
    name: flow for name in flows.__all__ if isinstance(flow := getattr(flows, name), Flow)
}
"""The flows by the names of their functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A deployment as it should be.

    Attributes:
        flow: The name of the flow's function.
        pipeline: The only value of its parameter `pipeline`, and the deployment's own name.
        schedule: When it runs by itself; None for never.
    """

    flow: str
    pipeline: str
    description: str
    tags: tuple[str, ...]
    schedule: Schedule | None = None

    @property
    def full_name(self) -> str:
        """`FLOW/NAME`, as Prefect writes it."""
        return f"{FLOWS[self.flow].name}/{self.pipeline}"

    def body(self, pool: str) -> dict[str, Any]:
        """What the API is to keep of it, apart from the id of the flow and from what a person has paused."""
        return {
            "name": self.pipeline,
            "entrypoint": f"pipelines.flows:{self.flow}",
            "description": self.description,
            "tags": list(self.tags),
            "parameters": {"pipeline": self.pipeline},
            "parameter_openapi_schema": _form(FLOWS[self.flow], self.pipeline),
            "enforce_parameter_schema": True,
            "work_pool_name": pool,
            # The folder of the worker: there the relative paths of pipeline files begin.
            "job_variables": {"working_dir": ".", "env": HEARTBEAT},
            "schedules": list(self._schedules()),
            "concurrency_limit": 1,
            # Nothing queues up behind a long batch: the next tick takes in what has landed meanwhile.
            "concurrency_options": {
                "collision_strategy": "CANCEL_NEW",
                "grace_period_seconds": _TIME_TO_BEGIN_S,
            },
        }

    def _schedules(self) -> Iterator[dict[str, Any]]:
        if self.schedule is not None:
            schedule = prefect_schedule(self.schedule, self.full_name)
            yield {"slug": SLUG, "schedule": schedule, "parameters": {}, "active": True}


def wanted_deployments(specs: Mapping[str, Pipeline]) -> list[Wanted]:
    """The deployments for pipelines by the names of their files."""
    return [_wanted(flow, name, spec) for name, spec in specs.items() for flow in FLOWS]


def _wanted(flow: str, name: str, spec: Pipeline) -> Wanted:
    schedules = {"ingest": spec.schedule, "maintain": spec.table.upkeep.schedule}
    source = spec.source.uri or spec.source.table
    about = FLOWS[flow].description or ""
    return Wanted(
        flow=flow,
        pipeline=name,
        description="\n\n".join(filter(None, (spec.description, f"`{source}` → `{spec.table.uri}`", about))),
        tags=tuple(dict.fromkeys((TAG, name, *spec.tags))),
        schedule=schedules.get(flow),
    )


def _form(flow: Flow[..., Any], pipeline: str) -> dict[str, Any]:
    """What the UI asks for before a run: the parameters with their types, the pipeline being given."""
    schema = parameter_schema(flow.fn).model_dump(mode="json")
    if "pipeline" in schema["properties"]:
        schema["properties"]["pipeline"] |= {"enum": [pipeline], "default": pipeline}
    return schema
