"""The deployments that a folder of pipelines asks for.

`ingest/NAME` for each pipeline file, NAME being the file's name without its suffix; and one of each other
flow for all pipelines, which bears the name of the work pool: `replay/penstock`. NAME is the parameter
`pipeline` of the flow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

OWN: Final = "ingest"
"""The flow that has a deployment for each pipeline: a schedule and a state of its own, one run at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A deployment as it should be.

    Attributes:
        flow: The name of the flow's function.
        name: Its own.
        pipelines: The values that its parameter `pipeline` may have.
        schedules: When it runs by itself, for which pipeline.
        unknown: The pipelines whose files are wrong: their schedules stay as they are.
    """

    flow: str
    name: str
    pipelines: tuple[str, ...]
    description: str
    tags: tuple[str, ...]
    schedules: Mapping[str, Schedule]
    unknown: frozenset[str] = frozenset()

    @property
    def full_name(self) -> str:
        """`FLOW/NAME`, as Prefect writes it."""
        return f"{FLOWS[self.flow].name}/{self.name}"

    def body(self, pool: str) -> dict[str, Any]:
        """What the API is to keep of it, apart from the id of the flow and from what a person has paused."""
        own = self.flow == OWN
        return {
            "name": self.name,
            "entrypoint": f"pipelines.flows:{self.flow}",
            "description": self.description,
            "tags": list(self.tags),
            "parameters": {"pipeline": self.name} if own else {},
            "parameter_openapi_schema": _form(FLOWS[self.flow], self.pipelines, own=own),
            "enforce_parameter_schema": True,
            "work_pool_name": pool,
            # The folder of the worker: there the relative paths of pipeline files begin.
            "job_variables": {"working_dir": ".", "env": HEARTBEAT},
            "schedules": [self._schedule(name, one) for name, one in self.schedules.items()],
            **(_ONE_AT_A_TIME if own else {}),
        }

    def _schedule(self, pipeline: str, schedule: Schedule) -> dict[str, Any]:
        own = self.flow == OWN
        return {
            "slug": SLUG if own else pipeline,
            "schedule": prefect_schedule(schedule, f"{self.flow}/{pipeline}"),
            "parameters": {} if own else {"pipeline": pipeline},
            "active": True,
        }


_ONE_AT_A_TIME: Final = {
    "concurrency_limit": 1,
    # Nothing queues up behind a long batch: the next tick takes in what has landed meanwhile.
    "concurrency_options": {"collision_strategy": "CANCEL_NEW", "grace_period_seconds": _TIME_TO_BEGIN_S},
}


def wanted_deployments(specs: Mapping[str, Pipeline], broken: Collection[str], pool: str) -> list[Wanted]:
    """The deployments for pipelines by the names of their files; `broken` are those whose files are wrong."""
    own = [_of_one(name, spec) for name, spec in specs.items()]
    if not specs and not broken:
        return own
    return own + [_of_all(flow, specs, broken, pool) for flow in FLOWS if flow != OWN]


def _of_one(name: str, spec: Pipeline) -> Wanted:
    source = spec.source.uri or spec.source.table
    about = FLOWS[OWN].description or ""
    return Wanted(
        flow=OWN,
        name=name,
        pipelines=(name,),
        description="\n\n".join(filter(None, (spec.description, f"`{source}` → `{spec.table.uri}`", about))),
        tags=tuple(dict.fromkeys((TAG, name, *spec.tags))),
        schedules={} if spec.schedule is None else {name: spec.schedule},
    )


def _of_all(flow: str, specs: Mapping[str, Pipeline], broken: Collection[str], pool: str) -> Wanted:
    upkeep = {name: spec.table.upkeep.schedule for name, spec in specs.items()} if flow == "maintain" else {}
    return Wanted(
        flow=flow,
        name=pool,
        pipelines=tuple(sorted({*specs, *broken})),
        description=FLOWS[flow].description or "",
        tags=(TAG,),
        schedules={name: one for name, one in upkeep.items() if one is not None},
        unknown=frozenset(broken),
    )


def _form(flow: Flow[..., Any], pipelines: tuple[str, ...], *, own: bool) -> dict[str, Any]:
    """What the UI asks for before a run: the parameters with their types, the pipeline out of a list."""
    schema = parameter_schema(flow.fn).model_dump(mode="json")
    schema["properties"]["pipeline"] |= {"enum": list(pipelines)} | ({"default": pipelines[0]} if own else {})
    return schema
