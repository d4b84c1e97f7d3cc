"""Flow runs of a worker, cancelled as the Prefect UI cancels them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.proof.proof import prove
from storage.tables.delta import open_table
from tests.prefect_server import PrefectServer, running_prefect_server, wait_for

DEADLINE_S = 300
FINAL = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
RECORDS = 40_000
PIPELINE = """\
name: slow
source: {{uri: "{folder}/landing"}}
contract: {{columns: {{id: int64!, at: "timestamp[us, UTC]!"}}}}
transforms: [{{use: "tests.pipelines.steps:dawdle", with: {{seconds: 3}}}}]
table: {{uri: "{folder}/lake"}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with running_prefect_server(tmp_path_factory.mktemp("prefect") / "home") as running:
        yield running


def penstock(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipelines.cli", *arguments]


@contextmanager
def running_worker(environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(penstock("worker"), env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def start_run(server: PrefectServer, deployment: str) -> str:
    name, flow = deployment, deployment.partition("/")[0]
    (found,) = server.post(
        "/deployments/filter",
        {"deployments": {"name": {"any_": [name.partition("/")[2]]}}, "flows": {"name": {"any_": [flow]}}},
    )
    return str(server.post(f"/deployments/{found['id']}/create_flow_run", {})["id"])


def state_of(server: PrefectServer, run: str) -> dict[str, Any]:
    (found,) = server.post("/flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    return dict(found["state"])


def ended(server: PrefectServer, run: str) -> dict[str, Any]:
    def final() -> dict[str, Any] | None:
        state = state_of(server, run)
        return state if state["type"] in FINAL else None

    return wait_for(final, deadline_s=DEADLINE_S, what="end of the run")


@pytest.mark.long
def test_cancelled_ingest_ends_soon_shows_nothing_and_is_taken_up_by_the_next(
    server: PrefectServer, tmp_path: Path
) -> None:
    (tmp_path / "landing").mkdir()
    lines = (f'{{"id": {one}, "at": "2026-01-05T10:00:00Z"}}\n' for one in range(RECORDS))
    (tmp_path / "landing" / "a.ndjson").write_text("".join(lines))
    (tmp_path / "slow.yaml").write_text(PIPELINE.format(folder=tmp_path))
    environment = server.environment | {"PENSTOCK_PIPELINES": str(tmp_path), "PENSTOCK_MEMORY": "64 MiB"}
    subprocess.run(penstock("deploy"), env=environment, check=True, timeout=DEADLINE_S)

    with running_worker(environment, tmp_path / "worker.log"):
        first = start_run(server, "ingest/slow")
        planned = tmp_path / "lake_ledger" / "_delta_log"
        wait_for(lambda: planned.exists() or None, deadline_s=DEADLINE_S, what="a planned batch")
        server.post(f"/flow_runs/{first}/set_state", {"state": {"type": "CANCELLING"}})
        cancelled = ended(server, first)
        visible = open_table(str(tmp_path / "lake"))
        again = ended(server, start_run(server, "ingest/slow"))

    assert cancelled["type"] == "CANCELLED"
    assert visible is None
    assert again["message"] == f"1 batch: {RECORDS:,} rows written, 0 records quarantined"
    assert prove(load_pipeline(tmp_path / "slow.yaml"), Settings(threads=2)).violations == ()
