"""`penstock init`: the file that it writes, and those that it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.pipeline import Pipeline
from config.spec_file import load_pipeline
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called
from tests.pipelines.taking_in import events, land


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: empty, and the test's own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_init_writes_a_file_that_runs(store: Store, here: Path) -> None:
    land(store, "a.ndjson", *events(0, 5))

    shown = called("init", store.at("landing"), "--name", "events", "--table", store.at("lake/events"))

    assert shown.startswith("wrote events.yaml\n")
    assert shown.endswith("  penstock run events.yaml\n")
    assert called("validate", here / "events.yaml").endswith("ok\n")
    assert call_json("run", "events.yaml")["batches"][0]["rows_written"] == 5


def test_init_with_json_prints_the_spec_that_it_writes(local: Store, here: Path) -> None:
    land(local, "a.ndjson", *events(0, 5))

    document = call_json("init", local.at("landing"), "--name", "clicks")

    assert Pipeline.model_validate(document) == load_pipeline(here / "clicks.yaml")
    assert document["contract"]["columns"]["id"] == "int64!"


def test_init_leaves_a_file_that_is_there_alone(local: Store, here: Path) -> None:
    land(local, "a.ndjson", *events(0, 5))
    (here / "events.yaml").write_text("mine")

    result = call("init", local.at("landing"), "--name", "events")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "--force" in result.stderr
    assert (here / "events.yaml").read_text() == "mine"


def test_init_with_force_replaces_the_file_and_leaves_nothing_else(local: Store, here: Path) -> None:
    land(local, "a.ndjson", *events(0, 5))
    (here / "events.yaml").write_text("theirs")

    called("init", local.at("landing"), "--name", "events", "--force")

    assert load_pipeline(here / "events.yaml").name == "events"
    assert names_in(here) == ["events.yaml"]


def test_init_writes_where_it_is_told(local: Store, here: Path) -> None:
    land(local, "a.ndjson", *events(0, 5))
    (here / "pipelines.d").mkdir()

    shown = called("init", local.at("landing"), "--output", "pipelines.d/my events.yml")

    assert shown.endswith("  penstock run 'pipelines.d/my events.yml'\n")
    assert load_pipeline("my events").name == "landing"


@pytest.mark.parametrize("output", ["events.json", "nowhere/events.yaml"])
def test_init_writes_no_file_that_could_not_be_used(output: str, local: Store, here: Path) -> None:
    land(local, "a.ndjson", *events(0, 5))

    result = call("init", local.at("landing"), "--output", output)

    assert result.exit_code in (1, 2)
    assert output in result.stderr
    assert names_in(here) == []


def test_init_over_nothing_ends_with_one(local: Store, here: Path) -> None:
    (Path(local.uri) / "landing").mkdir()

    result = call("init", local.at("landing"), "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["what"] == "no contract can be inferred"
    assert names_in(here) == []


def test_init_of_a_store_that_is_not_known_ends_with_two(here: Path) -> None:
    result = call("init", "gopher://landing/events")

    assert result.exit_code == 2
    assert names_in(here) == []
