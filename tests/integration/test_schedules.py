"""Runs that schedules start, and a worker that takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from tests.integration.workers import Folder
from tests.prefect_server import PrefectServer, running_prefect_server, wait_for

pytestmark = pytest.mark.long
_WITHIN_S = 150


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with running_prefect_server(tmp_path_factory.mktemp("prefect") / "home") as running:
        yield running


@pytest.fixture
def folder(server: PrefectServer, tmp_path: Path) -> Folder:
    (tmp_path / "pipelines.d").mkdir()
    return Folder(tmp_path, server, tmp_path.name)


WAITING_STEP = """\
import time
from pathlib import Path

def wait(rows):
    Path("writing").touch()
    while not Path("go").exists():
        time.sleep(0.1)
    return rows
"""


def write_pipeline(folder: Folder, name: str, every: str, **more: object) -> None:
    document = {
        "name": name,
        "source": {"uri": f"landing/{name}"},
        "contract": {"columns": {"id": "int64!"}},
        "table": {"uri": f"lake/{name}"},
        "schedule": {"every": every},
        **more,
    }
    (folder.path / "pipelines.d" / f"{name}.yaml").write_text(yaml.safe_dump(document))
    (folder.path / "landing" / name).mkdir(parents=True)


def land(folder: Folder, name: str, number: int) -> None:
    (folder.path / "landing" / name / f"{number}.ndjson").write_text(json.dumps({"id": number}) + "\n")


def runs_of(folder: Folder, deployment: str, state: str) -> list[dict[str, Any]]:
    query = {
        "deployments": {"id": {"any_": [deployment]}},
        "flow_runs": {"state": {"name": {"any_": [state]}}},
    }
    found = folder.server.post("/flow_runs/filter", query)
    assert isinstance(found, list)
    return found


def first_of(folder: Folder, deployment: str, state: str) -> list[dict[str, Any]]:
    """The runs in a state, once there is one."""
    return wait_for(
        lambda: runs_of(folder, deployment, state) or None, deadline_s=_WITHIN_S, what=f"{state} run"
    )


def test_schedule_with_nothing_to_do_ends_without_a_process_until_a_file_lands(folder: Folder) -> None:
    write_pipeline(folder, "quiet", "2s")
    folder.penstock("deploy", "--pool", folder.pool)
    deployment = folder.deployments()["quiet"]

    with folder.worker("one"):
        ended = wait_for(
            lambda: runs_of(folder, deployment, "Completed") or None,
            deadline_s=_WITHIN_S,
            what="end of a run",
        )
        land(folder, "quiet", 1)
        wait_for(
            lambda: (folder.path / "lake" / "quiet" / "_delta_log").exists() or None,
            deadline_s=_WITHIN_S,
            what="table",
        )

    assert {one["state"]["message"] for one in ended} == {"nothing waits"}
    assert {one["infrastructure_pid"] for one in ended} == {None}
    assert pl.read_delta(str(folder.path / "lake" / "quiet"))["id"].to_list() == [1]


def test_schedule_without_worker_leaves_one_run_to_the_next_worker(folder: Folder) -> None:
    write_pipeline(folder, "alone", "2s")
    folder.penstock("deploy", "--pool", folder.pool)
    deployment = folder.deployments()["alone"]
    wait_for(
        lambda: len(runs_of(folder, deployment, "Late")) > 5 or None, deadline_s=_WITHIN_S, what="late runs"
    )

    with folder.worker("late"):
        wait_for(
            lambda: runs_of(folder, deployment, "Completed") or None,
            deadline_s=_WITHIN_S,
            what="end of a run",
        )
        wait_for(
            lambda: not runs_of(folder, deployment, "Late") or None, deadline_s=_WITHIN_S, what="no late run"
        )

    assert runs_of(folder, deployment, "Skipped")


def test_rebuild_keeps_ingest_from_beginning_until_it_has_ended(folder: Folder) -> None:
    (folder.path / "waiting.py").write_text(WAITING_STEP)
    write_pipeline(folder, "rebuilt", "1d", transforms=[{"use": "waiting:wait"}])
    land(folder, "rebuilt", 1)
    (folder.path / "go").touch()
    folder.penstock("run", "rebuilt")
    for flag in ("go", "writing"):
        (folder.path / flag).unlink()
    folder.penstock("deploy", "--pool", folder.pool)
    ingest = folder.deployments()["rebuilt"]
    (backfill,) = folder.server.post(
        "/deployments/filter",
        {"flows": {"name": {"any_": ["backfill"]}}, "work_pools": {"name": {"any_": [folder.pool]}}},
    )

    with folder.worker("one"):
        asked = {"state": {"type": "SCHEDULED"}, "parameters": {"pipeline": "rebuilt", "rebuild": True}}
        rebuild = folder.server.post(f"/deployments/{backfill['id']}/create_flow_run", asked)["id"]
        wait_for(lambda: (folder.path / "writing").exists() or None, deadline_s=_WITHIN_S, what="a rebuild")
        (beside,) = folder.ended([folder.start_run(ingest)])
        (folder.path / "go").touch()
        (rebuilt,) = folder.ended([rebuild])
        (after,) = folder.ended([folder.start_run(ingest)])

    assert beside["state_type"] == "CANCELLED"
    assert (rebuilt["state_type"], after["state_type"]) == ("COMPLETED", "COMPLETED")
