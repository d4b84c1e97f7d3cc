"""The flow `ingest` against a real Prefect server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.prefect_server import PrefectServer, running_prefect_server, wait_for

FLOW_DEADLINE_S = 120
EVENTS_DEADLINE_S = 60
RECORDS = (
    '{"id": 1, "at": "2026-01-05T10:00:00Z"}\n'
    '{"id": "two", "at": "2026-01-05T10:00:00Z"}\n'
    '{"id": 3, "at": "2026-01-05T10:00:00Z"}\n'
)
PIPELINE = """\
name: clicks_of_us
source: {{uri: "{folder}/landing"}}
contract: {{columns: {{id: int64!, at: "timestamp[us, UTC]!"}}}}
table: {{uri: "{folder}/<b> | `lake`"}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with running_prefect_server(tmp_path_factory.mktemp("prefect") / "home") as running:
        yield running


def write_pipeline(folder: Path) -> None:
    (folder / "landing").mkdir()
    (folder / "landing" / "clicks.ndjson").write_text(RECORDS)
    (folder / "clicks_of_us.yaml").write_text(PIPELINE.format(folder=folder))


def run_flow(server: PrefectServer, pipelines: Path, name: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from pipelines.flows import ingest; ingest(sys.argv[1], max_batches=1)"
    return subprocess.run(
        [sys.executable, "-c", code, name],
        env=server.environment | {"PENSTOCK_PIPELINES": str(pipelines)},
        capture_output=True,
        text=True,
        timeout=FLOW_DEADLINE_S,
        check=False,
    )


def find_flow_run(server: PrefectServer, pipeline: str) -> dict[str, Any]:
    runs = server.post("/flow_runs/filter", {"sort": "START_TIME_DESC"})
    return next(run for run in runs if run["parameters"]["pipeline"] == pipeline)


def finished_task_names(server: PrefectServer, flow_run_id: str) -> list[str] | None:
    """The names of the flow run's tasks, once three have ended: they come as events, a little later."""
    tasks = server.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run_id]}}})
    ended = sorted(one["name"] for one in tasks if one["state_type"] == "COMPLETED")
    return ended if len(ended) >= 3 else None


def test_ingest_waiting_files_shows_run_tasks_and_artifact(server: PrefectServer, tmp_path: Path) -> None:
    write_pipeline(tmp_path)

    ran = run_flow(server, tmp_path, "clicks_of_us")

    assert ran.returncode == 0, ran.stderr
    run = find_flow_run(server, "clicks_of_us")
    assert (run["name"], run["state_type"]) == ("clicks_of_us batch 1", "COMPLETED")
    assert run["parameters"] == {"pipeline": "clicks_of_us", "max_batches": 1}
    tasks = wait_for(
        lambda: finished_task_names(server, run["id"]), deadline_s=EVENTS_DEADLINE_S, what="three task runs"
    )
    assert tasks == ["commit clicks_of_us batch 1", "plan clicks_of_us", "write clicks_of_us batch 1"]
    (artifact,) = server.post("/artifacts/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert (artifact["key"], artifact["type"]) == ("ingest-clicks-of-us", "markdown")
    assert "| rows&#95;written | 2 |" in artifact["data"]
    assert "| rows&#95;quarantined | 1 |" in artifact["data"]
    assert "<b>" not in artifact["data"]
    assert "`" not in artifact["data"]


def test_ingest_path_for_a_name_fails_without_reading_it(server: PrefectServer, tmp_path: Path) -> None:
    write_pipeline(tmp_path)

    ran = run_flow(server, tmp_path, str(tmp_path / "clicks_of_us.yaml"))

    assert ran.returncode != 0
    assert "not a usable name" in ran.stderr
    assert find_flow_run(server, str(tmp_path / "clicks_of_us.yaml"))["state_type"] == "FAILED"
