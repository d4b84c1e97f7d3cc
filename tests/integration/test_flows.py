"""The flows against a real Prefect server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.proof.proof import prove
from storage.tables.delta import open_table
from tests.object_store import BUCKET, ObjectStore
from tests.pipelines.dying_run import POINTS
from tests.prefect_server import PrefectServer, running_prefect_server, wait_for

FLOWS_DEADLINE_S = 300
EVENTS_DEADLINE_S = 60
SECRET = "canary-c4d1f1c2"
RECORDS = (
    '{"id": 1, "at": "2026-01-05T10:00:00Z"}\n'
    '{"id": "two", "at": "2026-01-05T10:00:00Z"}\n'
    '{"id": 3, "at": "2026-01-05T10:00:00Z"}\n'
)
PIPELINE = """\
name: {name}
source: {{uri: "{folder}/landing"}}
contract: {{columns: {{id: int64!, at: "timestamp[us, UTC]!"{columns}}}}}
transforms: [{steps}]
table: {{uri: "{folder}/{table}"}}
"""
SLOW_STEP = '{use: "tests.pipelines.steps:dawdle", with: {seconds: 3}}'
SCENARIOS = (
    "ingest:clicks",
    "verify:clicks",
    "replay:clicks",
    "maintain:clicks",
    "backfill_nothing:clicks",
    "ingest:missing",
    "ingest:../clicks",
    "ingest_beside:raced:raced",
    "ingest_beside:narrow:wide",
    "ingest_while_away:away:1",
    "ingest_while_away:gone:2",
    "backfill:away",
    "verify_changed:clicks",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with running_prefect_server(tmp_path_factory.mktemp("prefect") / "home") as running:
        yield running


def write_pipeline(
    folder: Path, name: str, *, table: str = "", columns: str = "", steps: str = "", records: str = RECORDS
) -> None:
    (folder / "landing").mkdir(exist_ok=True)
    (folder / "landing" / "records.ndjson").write_text(records)
    spec = PIPELINE.format(name=name, folder=folder, table=table or name, columns=columns, steps=steps)
    (folder / f"{name}.yaml").write_text(spec)


def start_flows(
    server: PrefectServer, pipelines: Path, *scenarios: str, store: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.flow_runs", *scenarios],
        env=server.environment
        | {
            "PENSTOCK_PIPELINES": str(pipelines),
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "PENSTOCK_MEMORY": "64 MiB",
            **(store or {}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_flows(
    server: PrefectServer, pipelines: Path, *scenarios: str, store: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    process = start_flows(server, pipelines, *scenarios, store=store)
    printed, logged = process.communicate(timeout=FLOWS_DEADLINE_S)
    assert process.returncode == 0, logged
    states: list[dict[str, str]] = json.loads(printed.splitlines()[-1])
    return states


@dataclass(frozen=True)
class Told:
    """What became of each scenario, and where its tables are."""

    folder: Path
    states: Mapping[str, dict[str, str]]


@pytest.fixture(scope="module")
def told(server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("pipelines")
    for name in ("clicks", "raced", "away", "gone"):
        write_pipeline(folder, name)
    write_pipeline(folder, "narrow", table="shared")
    write_pipeline(folder, "wide", table="shared", columns=", more: string")
    return Told(folder, dict(zip(SCENARIOS, run_flows(server, folder, *SCENARIOS), strict=True)))


def find_flow_run(server: PrefectServer, flow: str, pipeline: str) -> dict[str, Any]:
    """The newest one."""
    runs = server.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "flows": {"name": {"any_": [flow]}}})
    return next(run for run in runs if run["parameters"]["pipeline"] == pipeline)


def finished_task_names(server: PrefectServer, flow_run_id: str) -> list[str] | None:
    """The names of the flow run's tasks, once three have ended: they come as events, a little later."""
    tasks = server.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run_id]}}})
    ended = sorted(one["name"] for one in tasks if one["state_type"] == "COMPLETED")
    return ended if len(ended) >= 3 else None


def logged(server: PrefectServer, flow_run_id: str) -> str:
    logs = server.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [flow_run_id]}}})
    return "\n".join(one["message"] for one in logs)


def rows_of(folder: Path, pipeline: str) -> int | None:
    """None where there is no table."""
    table = open_table(load_pipeline(folder / f"{pipeline}.yaml").table.uri)
    return None if table is None else int(table.to_pyarrow_table().num_rows)


def assert_proved(folder: Path, pipeline: str) -> None:
    assert prove(load_pipeline(folder / f"{pipeline}.yaml"), Settings(threads=2)).violations == ()


@pytest.mark.usefixtures("told")
def test_ingest_waiting_files_names_run_and_tasks(server: PrefectServer) -> None:
    run = find_flow_run(server, "ingest", "clicks")

    assert (run["name"], run["state_type"]) == ("ingest clicks batch 1", "COMPLETED")
    assert run["state"]["message"] == "1 batch: 2 rows written, 1 records quarantined"
    assert run["parameters"] == {"pipeline": "clicks", "max_batches": 1}
    tasks = wait_for(
        lambda: finished_task_names(server, run["id"]), deadline_s=EVENTS_DEADLINE_S, what="three task runs"
    )
    assert tasks == ["commit clicks batch 1", "plan clicks", "write clicks batch 1"]


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ("verify:clicks", "the proof holds: 1 committed batches, 3 records"),
        ("replay:clicks", "1 in the quarantine: 1 still refused as type_mismatch"),
        ("maintain:clicks", "nothing is due"),
        ("backfill:away", "taken in again: the whole table, 1 files; 2 rows taken out, 2 written"),
        ("ingest_while_away:away:1", "1 batch: 2 rows written, 1 records quarantined"),
        ("ingest_beside:narrow:wide", "1 batch: 2 rows written, 1 records quarantined"),
    ],
)
def test_flow_that_succeeds_says_what_it_did(told: Told, scenario: str, message: str) -> None:
    assert told.states[scenario] == {"type": "COMPLETED", "name": "Completed", "message": message}


@pytest.mark.parametrize(
    ("scenario", "parts"),
    [
        ("ingest:missing", ("no such pipeline", "got: 'missing'", "next step:")),
        ("ingest:../clicks", ("pipeline: ", "not a usable name", "got: '../clicks'")),
        ("backfill_nothing:clicks", ("either of the whole table or of a range", "got: neither")),
        ("ingest_while_away:gone:2", ("the store is away", "next step: run again")),
        ("verify_changed:clicks", ("the proof does not hold", "pipeline clicks", "expected", "next step:")),
    ],
)
def test_flow_that_fails_says_what_is_wrong(told: Told, scenario: str, parts: tuple[str, ...]) -> None:
    state = told.states[scenario]

    assert (state["type"], state["name"]) == ("FAILED", "Failed")
    assert [part for part in parts if part not in state["message"]] == []


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("flow", "pipeline"), [("ingest", "missing"), ("ingest", "../clicks"), ("verify", "clicks")]
)
def test_log_of_a_failed_flow_has_its_message_and_no_traceback(
    server: PrefectServer, flow: str, pipeline: str
) -> None:
    run = find_flow_run(server, flow, pipeline)
    log = wait_for(lambda: logged(server, run["id"]) or None, deadline_s=EVENTS_DEADLINE_S, what="a log")

    assert "got: " in log
    assert "Traceback" not in log


def test_ingest_beside_another_run_of_its_pipeline_hands_over(told: Told) -> None:
    state = told.states["ingest_beside:raced:raced"]

    assert (state["type"], state["name"]) == ("COMPLETED", "HandedOver")
    assert "nothing is lost and nothing is doubled" in state["message"]
    assert rows_of(told.folder, "raced") == 2
    assert_proved(told.folder, "raced")


def test_ingest_beside_a_pipeline_that_makes_the_same_table_takes_in_its_rows_once(told: Told) -> None:
    assert rows_of(told.folder, "narrow") == 4
    assert_proved(told.folder, "narrow")
    assert_proved(told.folder, "wide")


@pytest.mark.usefixtures("told")
def test_server_and_its_home_never_see_a_secret_nor_a_result(server: PrefectServer) -> None:
    home = Path(server.environment["PREFECT_HOME"])
    files = [path for path in home.rglob("*") if path.is_file()]

    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert [path for path in files if "storage" in path.relative_to(home).parts] == []


@pytest.mark.parametrize(
    "point",
    [pytest.param(one, marks=[pytest.mark.long] if one != "quarantine committed" else []) for one in POINTS],
)
def test_ingest_killed_within_a_batch_is_taken_up_by_the_next(
    server: PrefectServer, tmp_path: Path, point: str
) -> None:
    write_pipeline(tmp_path, "killed")

    dying = start_flows(server, tmp_path, f"die:{point}:killed")
    dying.communicate(timeout=FLOWS_DEADLINE_S)
    before = rows_of(tmp_path, "killed") or 0
    ingested, verified = run_flows(server, tmp_path, "ingest:killed", "verify:killed")

    assert dying.returncode == -signal.SIGKILL
    assert before == (2 if point == "data committed" else 0)
    assert (ingested["type"], verified["type"]) == ("COMPLETED", "COMPLETED")
    assert rows_of(tmp_path, "killed") == 2
    assert_proved(tmp_path, "killed")


@pytest.mark.long
def test_ingest_terminated_within_a_batch_shows_nothing_of_it(server: PrefectServer, tmp_path: Path) -> None:
    records = "".join(f'{{"id": {one}, "at": "2026-01-05T10:00:00Z"}}\n' for one in range(40_000))
    write_pipeline(tmp_path, "slow", steps=SLOW_STEP, records=records)

    process = start_flows(server, tmp_path, "ingest:slow")
    planned = tmp_path / "slow_ledger" / "_delta_log"
    wait_for(lambda: planned.exists() or None, deadline_s=FLOWS_DEADLINE_S, what="a planned batch")
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=FLOWS_DEADLINE_S)
    before = rows_of(tmp_path, "slow")
    (ingested,) = run_flows(server, tmp_path, "ingest:slow")

    assert process.returncode == -signal.SIGTERM
    assert before is None
    assert ingested["message"] == "1 batch: 40,000 rows written, 0 records quarantined"
    assert_proved(tmp_path, "slow")


@pytest.mark.s3
def test_ingest_before_the_first_file_has_landed_completes(
    server: PrefectServer, object_store: ObjectStore, tmp_path: Path
) -> None:
    write_pipeline(tmp_path, "early")
    spec = tmp_path / "early.yaml"
    spec.write_text(spec.read_text().replace(f"{tmp_path}/landing", f"s3://{BUCKET}/nothing-yet/"))

    (state,) = run_flows(server, tmp_path, "ingest:early", store=object_store.environment())

    assert (state["type"], state["message"].partition(":")[0]) == ("COMPLETED", "nothing has landed yet")
