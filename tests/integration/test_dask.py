"""`engine: dask` against a real Prefect server, and real clusters of two worker processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import parse_pipeline
from pipelines.proof.proof import prove
from pipelines.run import run
from storage.tables.content_hash import content_hash
from storage.tables.log.commits import read_commits
from storage.tables.quarantine.records import quarantined
from tests.integration.dask_cluster import running_dask_cluster
from tests.prefect_server import PrefectServer, running_prefect_server, wait_for

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
FLOW_DEADLINE_S = 300
SECRET = "canary-of-the-store"
FILES, RECORDS = 6, 14_000
PIPELINE = """\
name: {name}
source: {{uri: "{folder}/landing"}}
contract: {{columns: {{id: int64!, day: date!, text: string}}}}
lineage: true
expectations: [{{name: wanted, expect: "id % 7 <> 0", action: drop}}]
transforms: [{transform}]
table: {{uri: "{folder}/lake/{name}", partition_by: [day], sort_by: [text], mode: {mode}, key: {key}}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with running_prefect_server(tmp_path_factory.mktemp("prefect") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six files, 40 MB: four groups of two workers; every thousandth record is refused."""
    folder = tmp_path_factory.mktemp("dask")
    (folder / "landing").mkdir()
    for number in range(FILES):
        lines = (line(number * RECORDS + one) for one in range(RECORDS))
        (folder / "landing" / f"{number}.ndjson").write_bytes(b"".join(lines))
    return folder


def line(number: int) -> bytes:
    """A record; each key, of day and id, is there three times, in files of different groups."""
    day = "2026-02-30" if number % 1000 == 0 else f"2026-02-{number % 28 + 1:02d}"
    return b'{"id": %d, "day": "%s", "text": "%s"}\n' % (
        number % 28_000, day.encode(), str(number % 7919).encode() * 100,
    )  # fmt: skip


def write_pipeline(folder: Path, name: str, *, mode: str = "append", transform: str = "") -> str:
    key = "[]" if mode == "append" else "[day, id]"
    text = PIPELINE.format(name=name, folder=folder, mode=mode, key=key, transform=transform)
    (folder / f"{name}.yaml").write_text(text)
    return text


def run_flow(
    server: PrefectServer, pipelines: Path, name: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    code = "import sys; from pipelines.flows import ingest; ingest(sys.argv[1])"
    return subprocess.run(
        [sys.executable, "-c", code, name],
        cwd=ROOT,
        env=server.environment
        | {"PENSTOCK_PIPELINES": str(pipelines), "PENSTOCK_ENGINE": "dask", "PENSTOCK_DASK_WORKERS": "2"}
        | {"AWS_SECRET_ACCESS_KEY": SECRET}
        | environment,
        capture_output=True,
        text=True,
        timeout=FLOW_DEADLINE_S,
        check=False,
    )


def outcome(folder: Path, name: str) -> tuple[str, str, dict[str, Any]]:
    """Hashes of table and quarantine, and the counts in the commit; the proof holds."""
    pipeline = parse_pipeline((folder / f"{name}.yaml").read_text(), file=name)
    assert prove(pipeline, Settings()).violations == ()
    counts = batch_counts(pipeline)
    told = {key: counts[key] for key in ("files", "steps", "rows", "bytes_read", "quarantined_by_reason")}
    refused = quarantined(pipeline.table.uri, pipeline.name)
    return content_hash(pl.scan_delta(pipeline.table.uri)), content_hash(refused.lazy()), told


def batch_counts(pipeline: Pipeline) -> dict[str, Any]:
    """The counts in the commit of the batch; a table that merges has commits without any, too."""
    commits = read_commits(pipeline.table.uri, DeltaTable(pipeline.table.uri).version())
    (told,) = [one.ours["metadata"] for one in commits if one.ours and one.ours.get("batch") == 1]
    return dict(told)


def group_tasks(server: PrefectServer, name: str) -> list[str] | None:
    """The names of the four task runs that wrote groups, once they are told."""
    tasks = server.post("/task_runs/filter", {})
    names = {one["name"] for one in tasks if f"{name} batch 1, group" in one["name"]}
    return sorted(names) if len(names) >= 4 else None


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_ingest_on_a_cluster_of_its_own_gives_what_the_local_engine_gives(
    server: PrefectServer, folder: Path, mode: str
) -> None:
    local, own = f"{mode}_local", f"{mode}_own"
    run(parse_pipeline(write_pipeline(folder, local, mode=mode), file=local), Settings())
    write_pipeline(folder, own, mode=mode)

    ran = run_flow(server, folder, own)

    assert ran.returncode == 0, ran.stderr
    assert outcome(folder, own) == outcome(folder, local)
    groups = wait_for(lambda: group_tasks(server, own), deadline_s=60, what="four task runs")
    assert groups == [f"write {own} batch 1, group {number} of 4" for number in (1, 2, 3, 4)]
    assert SECRET not in ran.stdout + ran.stderr
    assert SECRET not in str(server.post("/task_runs/filter", {}))


def test_ingest_that_loses_a_worker_of_a_cluster_that_is_there_takes_every_record_once(
    server: PrefectServer, folder: Path, tmp_path: Path
) -> None:
    write_pipeline(folder, "steady")
    run(parse_pipeline((folder / "steady.yaml").read_text(), file="steady"), Settings())
    marker = tmp_path / "killed"
    step = f'{{use: "tests.integration.steps:dying_once", with: {{marker: "{marker}"}}}}'
    write_pipeline(folder, "killed", transform=step)
    environment = server.environment | {"PYTHONPATH": str(ROOT), "PENSTOCK_MEMORY": "64 MiB"}

    with running_dask_cluster(tmp_path, environment) as address:
        ran = run_flow(server, folder, "killed", PENSTOCK_DASK_SCHEDULER=address)

    assert ran.returncode == 0, ran.stderr
    assert marker.exists()
    (rows, refused, told), (same_rows, same_refused, same) = (
        outcome(folder, "killed"),
        outcome(folder, "steady"),
    )
    assert (rows, refused, told["files"]) == (same_rows, same_refused, same["files"])


def test_ingest_without_a_scheduler_at_its_address_says_so_and_leaves_the_batch_to_the_next_run(
    server: PrefectServer, folder: Path
) -> None:
    text = write_pipeline(folder, "nobody")

    ran = run_flow(
        server,
        folder,
        "nobody",
        PENSTOCK_DASK_SCHEDULER="tcp://127.0.0.1:9",
        DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="2s",
    )

    assert ran.returncode != 0
    assert "the Dask cluster cannot be used" in ran.stderr
    assert run(parse_pipeline(text, file="nobody"), Settings()).batches[0].batch == 1
