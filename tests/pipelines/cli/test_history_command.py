"""`penstock history`: batches, and what others did to the table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from pipelines.run import run
from pipelines.undo import undo
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


def test_history_tells_what_every_kind_of_commit_did(local: Store) -> None:
    upsert = {"mode": "upsert", "key": ["id"]}
    land(local, "a.ndjson", b'{"id": 1, "n": 1}', b'{"id": 2, "n": 1}')
    run(a_pipeline(local, {"id": "int64!", "n": "int32"}, table=upsert), SETTINGS)
    land(local, "b.ndjson", b'{"id": 2, "n": 2, "m": "x"}', b'{"id": 3, "n": 2, "m": "x"}')
    wide = a_pipeline(local, {"id": "int64!", "n": "int64", "m": "string"}, table=upsert)
    run(wide, SETTINGS)
    undo(wide, 2, SETTINGS)
    land(local, "c.ndjson", b'{"id": 4}')
    run(wide, SETTINGS, max_batches=1)
    DeltaTable(wide.table.uri).optimize.compact()

    found = call_json("history", wide.table.uri)

    told = {one["operation"]: one for one in found}
    assert told["MERGE"]["counts"]["inserted"] in (1, 2)
    (upserted,) = [one for one in found if one["batch"] == 2]
    assert (upserted["operation"], upserted["rows"]) == ("MERGE", 2)
    assert {name: count for name, count in upserted["counts"].items() if count} == {
        "inserted": 1, "updated": 1, "replaced": 1,
    }  # fmt: skip
    assert (told["UNDO"]["batch"], told["UNDO"]["undoes"]) == (3, 2)
    assert (told["UNDO"]["rows"], told["UNDO"]["counts"]) == (None, {"removed": 1})
    assert (told["UNDO"]["files_added"], told["UNDO"]["files_removed"]) == (1, upserted["files_added"])
    assert told["CHANGE COLUMN"]["columns"]["widened"] == {"n": "integer -> long"}
    assert (told["OPTIMIZE"]["batch"], told["OPTIMIZE"]["files_added"]) == (None, 1)
    shown = called("history", wide.table.uri)
    assert "undid batch 2, 1 rows less" in shown
    assert "1 inserted, 1 updated, 1 replaced" in shown
    assert "widened n (integer -> long)" in shown


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
