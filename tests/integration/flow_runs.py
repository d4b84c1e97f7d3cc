"""Flows in a process of their own: `python -m tests.integration.flow_runs SCENARIO…`, in this order.

Pipelines are found where `PENSTOCK_PIPELINES` says. Prints a JSON list with the state in which each one
ended: its type, name and message. `die:POINT:PIPELINE` kills the process within an ingest, see `dying_run`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Final
from unittest.mock import patch

from deltalake import DeltaTable
from prefect import State

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.batch.committing import commit_batch
from pipelines.batch.planning import plan_batch
from pipelines.flows import backfill, ingest, maintain, replay, verify
from pipelines.run import run
from storage.errors import UnavailableError
from tests.pipelines import dying_run


def ingest_beside(name: str, other: str) -> State[Any]:
    """Ingests a pipeline; another one, or another run of it, commits first."""

    def commit(*arguments: Any) -> int:
        with patch("pipelines.run.commit_batch", commit_batch):
            run(load_pipeline(other), Settings(threads=2))
        return commit_batch(*arguments)

    with patch("pipelines.run.commit_batch", commit):
        return ingest(name, return_state=True)


def ingest_while_away(name: str, failures: str) -> State[Any]:
    """Ingests a pipeline out of a store that does not answer so many times."""
    left = [UnavailableError("the store is away", next_step="run again") for _ in range(int(failures))]

    def plan(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return plan_batch(*arguments)

    with (
        patch("pipelines.flows.ingest.plan_batch", plan),
        patch("pipelines.flows.tasks.RETRY_DELAYS_S", [0.01]),
    ):
        return ingest(name, return_state=True)


def verify_changed(name: str) -> State[Any]:
    """Proves a pipeline after somebody has taken a row out of its table."""
    DeltaTable(load_pipeline(name).table.uri).delete("id = 1")
    return verify(name, return_state=True)


def die(point: str, pipeline: str) -> State[Any]:
    """Never comes back."""
    sys.argv[1:] = ["", point, "1"]
    with (
        patch("pipelines.flows.ingest.write_batch", dying_run.write),
        patch("pipelines.run.commit_batch", dying_run.commit),
    ):
        return ingest(pipeline, return_state=True)


SCENARIOS: Final[dict[str, Callable[..., State[Any]]]] = {
    "ingest": lambda name: ingest(name, max_batches=1, return_state=True),
    "verify": lambda name: verify(name, return_state=True),
    "replay": lambda name: replay(name, return_state=True),
    "maintain": lambda name: maintain(name, compact=True, return_state=True),
    "backfill": lambda name: backfill(name, rebuild=True, return_state=True),
    "backfill_nothing": lambda name: backfill(name, return_state=True),
    "ingest_beside": ingest_beside,
    "ingest_while_away": ingest_while_away,
    "verify_changed": verify_changed,
    "die": die,
}


def main() -> None:
    """Runs the scenarios, each `NAME:ARGUMENT:…`."""
    states = []
    for one in sys.argv[1:]:
        name, *arguments = one.split(":")
        state = SCENARIOS[name](*arguments)
        states.append({"type": state.type.value, "name": state.name, "message": state.message})
    sys.stdout.write(json.dumps(states))


if __name__ == "__main__":
    main()
