"""`penstock status`, before, between and after batches."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.pipeline import Pipeline
from pipelines.batch.planning import plan_batch
from pipelines.reports.status import status
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called, write_spec
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land


def only(document: Any) -> Any:
    assert len(document["pipelines"]) == 1
    return document["pipelines"][0]


def test_status_before_any_batch_tells_what_waits(store: Store, tmp_path: Path) -> None:
    land(store, "a.ndjson", *events(0, 2))
    land(store, "b.ndjson", *events(2, 3))

    found = only(call_json("status", write_spec(tmp_path, a_pipeline(store))))

    assert (found["last_batch"], found["table_version"], found["rows"], found["files"]) == (0, None, None, 0)
    assert found["waiting"]["files"] == 2
    assert found["waiting"]["bytes"] == sum(len(one) + 1 for one in events(0, 3))
    assert 0 <= found["lag_seconds"] < 3600
    assert found["planned"] is None
    assert found["quarantined"] == {}


def test_status_after_batches_tells_what_is_there(store: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(store, source={"max_files_per_batch": 1})
    land(store, "a.ndjson", *events(0, 2), b"no json", b"[]")
    land(store, "b.ndjson", *events(2, 5), b"no json")
    run(pipeline, SETTINGS)

    found = only(call_json("status", write_spec(tmp_path, pipeline)))

    assert (found["last_batch"], found["table_version"], found["rows"], found["files"]) == (2, 1, 5, 2)
    assert found["bytes"] > 0
    assert found["quarantined"] == {"malformed_json": 2, "not_an_object": 1}
    assert (found["waiting"]["files"], found["planned"], found["lag_seconds"]) == (0, None, None)
    assert datetime.fromisoformat(found["last_commit_at"]).tzinfo is not None


def test_status_of_a_batch_that_was_cut_off_names_it(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local, source={"max_files_per_batch": 2})
    for name in "abc":
        land(local, f"{name}.ndjson", *events(0, 2))
    plan_batch(pipeline)
    spec = write_spec(tmp_path, pipeline)

    found = only(call_json("status", spec))

    assert (found["planned"]["batch"], found["planned"]["files"], found["waiting"]["files"]) == (1, 2, 1)
    assert "batch 1, 2 files" in called("status", spec)


def test_status_counts_the_lag_from_the_oldest_file_that_is_not_taken_in(local: Store) -> None:
    pipeline = a_pipeline(local, source={"max_files_per_batch": 1})
    for name, modified in (("planned", 1000), ("waiting", 2000)):
        os.utime(land(local, f"{name}.ndjson", *events(0, 1)), (modified, modified))
    now = datetime.fromtimestamp(5000, UTC)

    assert status(pipeline, now=now).lag_seconds == 4000
    plan_batch(pipeline)
    assert status(pipeline, now=now).lag_seconds == 4000
    run(pipeline, SETTINGS, max_batches=1)
    assert status(pipeline, now=now).lag_seconds == 3000


def test_status_leaves_out_what_a_batch_refused_that_is_not_committed(taken_in: Pipeline) -> None:
    before = status(taken_in).quarantined
    assert sum(before.values()) == 3

    assert status(taken_in.model_copy(update={"name": "another"})).quarantined == {}


def test_status_without_arguments_shows_the_pipelines_folder(
    local: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    monkeypatch.setenv("PENSTOCK_PIPELINES", str(folder))
    land(local, "a.ndjson", *events(0, 1))
    for name in ("first", "second"):
        write_spec(folder, a_pipeline(local, name=name, table={"uri": local.at(f"lake/{name}")}))

    found = call_json("status")["pipelines"]

    assert [one["pipeline"] for one in found] == ["first", "second"]
    assert called("status").count("waiting") == 2


def test_status_of_nothing_ends_with_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PIPELINES", str(tmp_path))

    assert call("status").exit_code == 2


def test_status_shows_the_others_where_one_cannot_be_looked_at(local: Store, tmp_path: Path) -> None:
    good = write_spec(tmp_path, a_pipeline(local))
    lost = write_spec(tmp_path, a_pipeline(local, name="lost", source={"uri": local.at("nowhere")}))
    land(local, "a.ndjson", *events(0, 1))

    result = call("status", lost, good, "--json")
    pipelines = json.loads(result.stdout)["pipelines"]

    assert result.exit_code == 1
    assert "error" in pipelines[0]
    assert pipelines[1]["waiting"]["files"] == 1
    assert "nowhere" in call("status", lost, good).stdout


def test_status_tells_how_the_promises_to_readers_stand(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(
        local,
        table={"sort_by": ["id"], "layout": {"row_group_rows": 1024}},
        readers=[{"where": where, "at_most": "10%"} for where in ("id = ?", "actor.id = ?")],
    )
    spec = write_spec(tmp_path, pipeline)
    land(local, "a.ndjson", *events(0, 20_000))

    assert only(call_json("status", spec))["readers"] == []
    batch = run(pipeline, SETTINGS).batches[0]

    found = only(call_json("status", spec))["readers"]
    assert [one["kept"] for one in found] == [one.kept for one in batch.readers] == [True, False]
    shown = called("status", spec)
    assert "id = ? reads at most 10.00%: kept, reads " in shown
    assert "actor.id = ? reads at most 10.00%: broken, reads 100.00%" in shown
