"""Two workers, ten pipelines; a worker that is killed with its run: every batch once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.integration.workers import Folder, kill_group
from tests.prefect_server import PrefectServer, running_prefect_server, wait_for

pytestmark = pytest.mark.long

_PIPELINES, _SHARING, _ROUNDS, _ROWS = 10, 4, 3, 50
_FREE_AGAIN_S = 240
WAITING_STEP = """\
import time
from pathlib import Path

def wait(rows):
    Path("writing").touch()
    while not Path("go").exists():
        time.sleep(0.1)
    return rows
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with running_prefect_server(tmp_path_factory.mktemp("prefect") / "home") as running:
        yield running


@pytest.fixture
def folder(server: PrefectServer, tmp_path: Path) -> Folder:
    (tmp_path / "pipelines.d").mkdir()
    return Folder(tmp_path, server, tmp_path.name)


def write_pipeline(folder: Folder, name: str, table: str, **more: object) -> None:
    document = {
        "name": name,
        "source": {"uri": f"landing/{name}"},
        "contract": {"columns": {"id": "int64!", "of": "string!"}},
        "table": {"uri": f"lake/{table}"},
        **more,
    }
    (folder.path / "pipelines.d" / f"{name}.yaml").write_text(yaml.safe_dump(document))
    (folder.path / "landing" / name).mkdir(parents=True)


def land(folder: Folder, name: str, number: int) -> None:
    rows = [{"id": number * _ROWS + row, "of": name} for row in range(_ROWS)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder.path / "landing" / name / f"{number}.ndjson").write_text(text)


def rows_of(folder: Folder, table: str) -> Counter[str]:
    """Different rows of each pipeline; every row must be there once."""
    rows = pl.read_delta(str(folder.path / "lake" / table)).select("of", "id")
    assert rows.is_unique().all()
    return Counter(rows["of"].to_list())


def test_two_workers_take_in_every_batch_of_ten_pipelines_once(folder: Folder) -> None:
    names = [f"p{number}" for number in range(_PIPELINES)]
    tables = {name: "shared" if number < _SHARING else name for number, name in enumerate(names)}
    for name, table in tables.items():
        write_pipeline(folder, name, table)
    folder.penstock("deploy", "--pool", folder.pool)
    deployments = folder.deployments()

    runs = []
    with folder.worker("one"), folder.worker("two"):
        for number in range(_ROUNDS):
            for name in names:
                land(folder, name, number)
                runs += [folder.start_run(deployments[name]) for _ in range(2)]
            folder.ended(runs)
        last = folder.ended([folder.start_run(deployments[name]) for name in names])

    assert {one["state_type"] for one in last} == {"COMPLETED"}
    assert {one["state_type"] for one in folder.runs(runs)} <= {"COMPLETED", "CANCELLED"}
    for table in set(tables.values()):
        whole = {name: _ROUNDS * _ROWS for name in names if tables[name] == table}
        assert rows_of(folder, table) == whole
    for name in names:
        assert json.loads(folder.penstock("verify", name, "--json"))["ok"]


def test_killed_worker_and_run_are_followed_by_a_run_that_takes_up_the_batch(folder: Folder) -> None:
    (folder.path / "waiting.py").write_text(WAITING_STEP)
    write_pipeline(folder, "killed", "killed", transforms=[{"use": "waiting:wait"}])
    folder.penstock("deploy", "--pool", folder.pool)
    deployment = folder.deployments()["killed"]
    land(folder, "killed", 0)
    with folder.worker("first") as worker:
        lost = folder.start_run(deployment)
        wait_for(
            lambda: (folder.path / "writing").exists() or None, deadline_s=120, what="batch that is written"
        )
        process_id = wait_for(
            lambda: folder.runs([lost])[0]["infrastructure_pid"], deadline_s=60, what="process of the run"
        )
        kill_group(worker.pid)
        kill_group(int(process_id))
    (folder.path / "go").touch()

    with folder.worker("second"):

        def completed() -> bool | None:
            (run,) = folder.ended([folder.start_run(deployment)])
            return run["state_type"] == "COMPLETED" or None

        wait_for(completed, deadline_s=_FREE_AGAIN_S, what="run that may begin")

    (run,) = folder.runs([lost])
    assert run["state_type"] == "CRASHED"
    assert rows_of(folder, "killed") == {"killed": _ROWS}
    assert json.loads(folder.penstock("verify", "killed", "--json"))["ok"]
