"""`penstock history`: batches, and what others did to the table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land


def test_history_tells_of_each_batch_newest_first(store: Store) -> None:
    pipeline = a_pipeline(store, source={"max_files_per_batch": 1})
    land(store, "a.ndjson", *events(0, 3), b"no json")
    land(store, "b.ndjson", *events(3, 5))
    run(pipeline, SETTINGS)

    versions = call_json("history", pipeline.table.uri)

    assert [one["version"] for one in versions] == [1, 0]
    assert [one["batch"] for one in versions] == [2, 1]
    assert [one["rows"] for one in versions] == [2, 3]
    assert [one["quarantined"] for one in versions] == [0, 1]
    assert {one["pipeline"] for one in versions} == {"events"}
    assert all(datetime.fromisoformat(one["timestamp"]).tzinfo for one in versions)


def test_history_of_what_others_did_has_no_batch(taken_in_spec: Path, local: Store) -> None:
    DeltaTable(local.at("lake/events")).delete()

    newest = call_json("history", taken_in_spec, "--limit", 1)[0]

    assert (newest["version"], newest["operation"]) == (2, "DELETE")
    assert (newest["pipeline"], newest["batch"], newest["rows"], newest["quarantined"]) == (None,) * 4


def test_history_for_people_shows_the_newest(tmp_path: Path) -> None:
    for number in range(25):
        write_deltalake(tmp_path / "table", pa.table({"id": [number]}), mode="append")

    lines = called("history", tmp_path / "table").splitlines()

    assert lines[0].split()[:4] == ["version", "when", "(UTC)", "operation"]
    assert lines[1].split()[0] == "24"
    assert len(lines) == 22
    assert lines[-1] == "older ones: --limit N, or --json for all"
    assert len(call_json("history", tmp_path / "table")) == 25


def test_history_of_no_table_ends_with_one(tmp_path: Path) -> None:
    result = call("history", tmp_path / "nothing")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no table here" in result.stderr
