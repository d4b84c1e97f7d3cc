"""What a real Prefect server gets to know of runs, on a real S3 store: and that no secret is in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from storage.filesystem import open_filesystem
from tests.object_store import BUCKET, ObjectStore
from tests.prefect_server import PrefectServer, running_prefect_server, wait_for

DEADLINE_S = 300
ARRIVAL_S = 90
PASSWORD = "canary-5e1b-password"
WRONG_KEY = "canary-77ac-key"
DOCUMENT = Path(__file__).parents[2] / "docs" / "observing.md"
PIPELINE = """\
name: {name}
description: Clicks of the shop
source: {{uri: "{lake}/landing/*.ndjson"}}
contract: {{columns: {{id: int64!, who: int64!}}}}
expectations: [{{name: positive, expect: "id > 0", action: {action}}}]
transforms: [{{use: "tests.pipelines.steps:dawdle", with: {{seconds: 4}}}}]
table: {{uri: "{table}", layout: {{row_group_rows: 1024}}}}
readers: [{{where: "who = ?", at_most: 50%}}]
alerts: {{quarantine_share: 0.01%, lag: 1s}}
"""
BAD = b'{"id": "<img src=x onerror=alert(1)>"}\n'
RECORDS = b"".join(b'{"id": %d, "who": %d}\n' % (n, n * 7919 % 5000) for n in range(5000)) + BAD


@dataclass(frozen=True)
class Seen:
    """A server after all runs, where its pipelines are, and what the processes printed."""

    server: PrefectServer
    home: Path
    lake: str
    ends: dict[str, tuple[str, str]]
    printed: str
    secrets: tuple[str, ...]

    def events(self, name: str) -> list[dict[str, Any]] | None:
        """Those of that name; None while there are none."""
        found = self.server.post("/events/filter", {"filter": {"event": {"name": [name]}}})["events"]
        return found or None

    def event(self, name: str) -> dict[str, Any]:
        """The only one of that name, as soon as it is there."""
        (found,) = wait_for(lambda: self.events(name), deadline_s=ARRIVAL_S, what=name)
        return found


@pytest.fixture(scope="module")
def seen(object_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("observing")
    lake, store = f"s3://{BUCKET}/{uuid4().hex}", object_store.environment()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in store.items():
            patched.setenv(name, value)
        filesystem, path = open_filesystem(f"{lake}/landing/a.ndjson")
        filesystem.pipe_file(path, RECORDS)
        for name, table, action in (
            ("clicks", f"{lake}/clicks", "warn"),
            ("strict", f"{lake}/strict", "fail"),
            ("nowhere", "s3://there-is-no-such-bucket/clicks", "warn"),
            ("refused", f"{lake}/refused", "warn"),
        ):
            text = PIPELINE.format(name=name, lake=lake, table=table, action=action)
            (folder / f"{name}.yaml").write_text(text)
        settings = {"PREFECT_SERVER_API_AUTH_STRING": f"admin:{PASSWORD}"}
        with running_prefect_server(folder / "home", settings) as server:
            automate(server)
            ends, printed = run_flows(server, folder, ["clicks", "strict", "nowhere"], {})
            away = run_flows(server, folder, ["refused"], {"AWS_SECRET_ACCESS_KEY": WRONG_KEY})
            secrets = (PASSWORD, WRONG_KEY, store["AWS_SECRET_ACCESS_KEY"])
            yield Seen(server, folder / "home", lake, ends | away[0], printed + away[1], secrets)


def run_flows(
    server: PrefectServer, pipelines: Path, names: list[str], more: Mapping[str, str]
) -> tuple[dict[str, tuple[str, str]], str]:
    """Type and message of the states that they ended in; all that the process printed."""
    environment = server.environment | dict(os.environ) | {"PENSTOCK_PIPELINES": str(pipelines)} | dict(more)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.integration.flow_runs", *(f"ingest:{name}" for name in names)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    states = json.loads(ran.stdout.splitlines()[-1])
    ends = {name: (one["type"], one["message"]) for name, one in zip(names, states, strict=True)}
    return ends, ran.stdout + ran.stderr


def automate(server: PrefectServer) -> None:
    """Makes the automation of the document, for a deployment that nothing takes up."""
    flow = server.post("/flows/", {"name": "maintain"})
    deployment = server.post("/deployments/", {"name": "clicks", "flow_id": flow["id"]})
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    automation = yaml.safe_load(text)
    automation["actions"][0]["deployment_id"] = deployment["id"]
    server.post("/automations/", automation)


def artifacts(seen: Seen, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = seen.server.post("/artifacts/filter", {})
    return [one for one in found if one["type"] == kind]


def test_runs_end_as_they_should(seen: Seen) -> None:
    assert {name: kind for name, (kind, _) in seen.ends.items()} == {
        "clicks": "COMPLETED", "strict": "FAILED", "nowhere": "FAILED", "refused": "FAILED"
    }, seen.ends  # fmt: skip


def test_batch_leaves_a_report_in_which_records_are_code(seen: Seen) -> None:
    (report,) = artifacts(seen, "markdown")

    assert report["key"] == "ingest-clicks"
    assert "| 1 | 5,001 | 5,000 | 1 (0.02%) | 0 | 0 |" in report["data"].splitlines()
    assert f"`{BAD.decode().strip()}`" in report["data"]
    assert "| `who = ?` | 50.00% | 100.00% | **broken** |" in report["data"].splitlines()


def test_long_batch_leaves_a_progress_artifact(seen: Seen) -> None:
    assert any(one["description"].startswith("batch 1: read ") for one in artifacts(seen, "progress"))


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (
            "penstock.quarantine.exceeded",
            {"batch": 1, "records": 5001, "quarantined": 1, "share": 0.0002, "allowed_share": 0.0001},
        ),
        ("penstock.expectation.unmet", {"batch": 1, "records": 5001, "unmet": {"positive": 1}}),
        ("penstock.promise.broken", {"batch": 1, "promise": 1, "share": 1.0, "allowed_share": 0.5}),
        ("penstock.expectation.failed", {"batch": 1}),
    ],
)
def test_event_arrives_with_its_numbers(seen: Seen, name: str, payload: dict[str, Any]) -> None:
    event = seen.event(name)

    assert event["payload"] == payload
    pipeline = "strict" if name.endswith("failed") else "clicks"
    assert event["resource"]["prefect.resource.id"] == f"penstock.pipeline.{pipeline}"
    related = {one["prefect.resource.role"]: one["prefect.resource.id"] for one in event["related"]}
    assert related["table"] == f"{seen.lake}/{pipeline}"
    assert "flow-run" in related


def test_event_of_lag_arrives_once_a_run(seen: Seen) -> None:
    found = wait_for(lambda: seen.events("penstock.lag.exceeded"), deadline_s=ARRIVAL_S, what="lag")

    names = [one["resource"]["prefect.resource.name"] for one in found]
    assert names.count("clicks") == 1
    assert all(one["payload"]["lag_seconds"] > one["payload"]["allowed_seconds"] == 1.0 for one in found)


def test_commit_links_the_table_to_its_landing_zone(seen: Seen) -> None:
    event = seen.event("prefect.asset.materialization.succeeded")

    assert event["resource"]["prefect.resource.id"] == f"{seen.lake}/clicks"
    assert event["payload"] == {"batch": 1, "version": 0, "rows": 5000}
    assets = [one for one in event["related"] if one["prefect.resource.role"] == "asset"]
    assert [one["prefect.resource.id"] for one in assets] == [f"{seen.lake}/landing"]


def test_automation_of_the_document_runs_its_deployment(seen: Seen) -> None:
    def started() -> dict[str, Any] | None:
        runs = seen.server.post("/flow_runs/filter", {"flows": {"name": {"any_": ["maintain"]}}})
        return next(iter(runs), None)

    run = wait_for(started, deadline_s=ARRIVAL_S, what="a run that the automation started")
    assert run["parameters"] == {"pipeline": "clicks", "compact": True}


def test_secrets_are_nowhere(seen: Seen) -> None:
    seen.event("penstock.promise.broken")
    kept = b"".join(path.read_bytes() for path in seen.home.rglob("*") if path.is_file())

    assert b"5,001" in kept
    for secret in seen.secrets:
        assert secret not in seen.printed
        assert secret.encode() not in kept
