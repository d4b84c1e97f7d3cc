"""`penstock deploy` against a real Prefect server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from config.settings import Settings
from pipelines.deployments.deploy import deploy
from pipelines.errors import DeploymentError
from tests.pipelines.cli.calling import call
from tests.prefect_server import PrefectServer, running_prefect_server

PIPELINE = """\
name: {name}
description: What {name} is.
tags: [sales]
source: {{uri: landing}}
contract: {{columns: {{id: int64!}}}}
table: {{uri: lake/{name}, upkeep: {{schedule: {{cron: "30 3 * * *", timezone: Europe/Berlin}}}}}}
schedule: {{every: {every}}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with running_prefect_server(tmp_path_factory.mktemp("prefect") / "home") as running:
        yield running


@pytest.fixture
def pipelines(server: PrefectServer, tmp_path: Path) -> Iterator[Path]:
    """An empty pipelines folder, of a work pool of the same name."""
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        yield tmp_path


def write(pipelines: Path, name: str, every: str = "5m") -> None:
    (pipelines / f"{name}.yaml").write_text(PIPELINE.format(name=name, every=every))


def deploy_all(pipelines: Path) -> dict[str, tuple[str, bool]]:
    """What became of each deployment, and whether it is paused."""
    done = deploy(Settings(pipelines=pipelines), pool=pipelines.name)
    return {one.name: (one.change, one.paused) for one in done.deployments}


def find(server: PrefectServer, flow: str, name: str) -> dict[str, Any]:
    (found,) = server.post(
        "/deployments/filter",
        {"deployments": {"name": {"any_": [name]}}, "flows": {"name": {"any_": [flow]}}},
    )
    assert isinstance(found, dict)
    return found


def test_deploy_new_pipeline_makes_schedule_form_and_limit(server: PrefectServer, pipelines: Path) -> None:
    write(pipelines, "made")

    assert deploy_all(pipelines)["ingest/made"] == ("created", False)

    made = find(server, "ingest", "made")
    assert made["tags"] == ["penstock", "made", "sales"]
    assert made["description"].startswith("What made is.")
    assert made["entrypoint"] == "pipelines.flows:ingest"
    assert made["parameters"] == {"pipeline": "made"}
    assert made["parameter_openapi_schema"]["properties"]["pipeline"]["enum"] == ["made"]
    assert made["schedules"][0]["schedule"]["interval"] == 300
    assert made["global_concurrency_limit"]["limit"] == 1
    assert made["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert made["work_pool_name"] == pipelines.name


def test_deploy_makes_one_deployment_of_each_other_flow_for_all_pipelines(
    server: PrefectServer, pipelines: Path
) -> None:
    write(pipelines, "one")
    write(pipelines, "other")

    done = deploy_all(pipelines)

    assert {name.partition("/")[0] for name in done} == {"ingest", "replay", "backfill", "maintain", "verify"}
    assert len(done) == 2 + 4
    replay = find(server, "replay", pipelines.name)
    assert replay["parameter_openapi_schema"]["properties"]["pipeline"]["enum"] == ["one", "other"]
    assert (replay["parameters"], replay["schedules"]) == ({}, [])
    upkeep = find(server, "maintain", pipelines.name)["schedules"]
    assert {one["slug"]: one["parameters"] for one in upkeep} == {
        "one": {"pipeline": "one"},
        "other": {"pipeline": "other"},
    }
    assert {(one["schedule"]["cron"], one["schedule"]["timezone"]) for one in upkeep} == {
        ("30 3 * * *", "Europe/Berlin")
    }


@pytest.mark.long
def test_deploy_upkeep_of_a_pipeline_that_a_person_switched_off_stays_off(
    server: PrefectServer, pipelines: Path
) -> None:
    write(pipelines, "kept")
    deploy_all(pipelines)
    with get_client(sync_client=True) as client:
        there = find(server, "maintain", pipelines.name)
        client.update_deployment_schedule(there["id"], there["schedules"][0]["id"], active=False)
    write(pipelines, "new")

    assert deploy_all(pipelines)[f"maintain/{pipelines.name}"] == ("updated", False)

    active = {one["slug"]: one["active"] for one in find(server, "maintain", pipelines.name)["schedules"]}
    assert active == {"kept": False, "new": True}


def test_deploy_again_touches_nothing(server: PrefectServer, pipelines: Path) -> None:
    write(pipelines, "same")
    deploy_all(pipelines)
    before = find(server, "ingest", "same")

    assert set(deploy_all(pipelines).values()) == {("unchanged", False)}

    assert find(server, "ingest", "same")["updated"] == before["updated"]


def test_deploy_changed_schedule_updates_that_deployment_alone(
    server: PrefectServer, pipelines: Path
) -> None:
    write(pipelines, "changed")
    deploy_all(pipelines)
    write(pipelines, "changed", every="10m")

    done = deploy_all(pipelines)

    assert done["ingest/changed"] == ("updated", False)
    assert done[f"maintain/{pipelines.name}"] == ("unchanged", False)
    assert find(server, "ingest", "changed")["schedules"][0]["schedule"]["interval"] == 600


def test_deploy_what_a_person_paused_stays_paused(server: PrefectServer, pipelines: Path) -> None:
    write(pipelines, "held")
    deploy_all(pipelines)
    with get_client(sync_client=True) as client:
        client.pause_deployment(find(server, "ingest", "held")["id"])
    write(pipelines, "held", every="10m")

    assert deploy_all(pipelines)["ingest/held"] == ("updated", True)
    assert find(server, "ingest", "held")["paused"]


def test_deploy_removed_file_pauses_until_it_is_back(server: PrefectServer, pipelines: Path) -> None:
    write(pipelines, "gone")
    write(pipelines, "stays")
    deploy_all(pipelines)
    (pipelines / "gone.yaml").unlink()

    assert deploy_all(pipelines)["ingest/gone"] == ("paused", True)
    assert find(server, "ingest", "gone")["paused"]
    assert [one["slug"] for one in find(server, "maintain", pipelines.name)["schedules"]] == ["stays"]
    assert deploy_all(pipelines)["ingest/gone"] == ("unchanged", True)

    write(pipelines, "gone")
    assert deploy_all(pipelines)["ingest/gone"] == ("updated", False)
    back = find(server, "ingest", "gone")
    assert (back["paused"], back["tags"]) == (False, ["penstock", "gone", "sales"])


def test_deploy_broken_file_is_told_and_the_others_are_deployed(
    server: PrefectServer, pipelines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pipelines, "whole")
    write(pipelines, "broken")
    deploy_all(pipelines)
    (pipelines / "broken.yaml").write_text("name: broken\n")
    monkeypatch.setenv("PENSTOCK_PIPELINES", str(pipelines))

    result = call("deploy", "--pool", pipelines.name, "--json")

    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert [Path(one["file"]).name for one in document["broken"]] == ["broken.yaml"]
    assert {one["change"] for one in document["deployments"]} == {"unchanged"}
    assert not find(server, "ingest", "broken")["paused"]
    assert {one["slug"] for one in find(server, "maintain", pipelines.name)["schedules"]} == {
        "whole",
        "broken",
    }


def test_deploy_without_server_fails_with_its_address(pipelines: Path) -> None:
    write(pipelines, "lonely")

    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(DeploymentError) as caught,
    ):
        deploy_all(pipelines)

    assert caught.value.where == "http://127.0.0.1:1/api"
    assert "prefect server start" in (caught.value.next_step or "")
