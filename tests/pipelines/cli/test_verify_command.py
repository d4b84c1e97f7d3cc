"""`penstock verify`: the proof for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

from deltalake import DeltaTable

from config.pipeline import Pipeline
from pipelines.cli.proof_bar import showing
from pipelines.proof.proof import prove
from pipelines.replay import replay
from pipelines.run import run
from pipelines.undo import undo
from storage.landing.listing import list_landing
from storage.tables.ledger.planning import plan
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called, write_spec
from tests.pipelines.taking_in import SETTINGS, a_pipeline, event, land


def test_verify_shows_each_batch_and_a_verdict(taken_in_spec: Path) -> None:
    header, first, second, verdict = called("verify", taken_in_spec).splitlines()

    assert header.split()[:3] == ["batch", "version", "files"]
    assert first.split() == ["1", "0", "2", "2", "0", "0", "22", "17", "1", "1", "2"]
    assert second.split() == ["2", "1", "2", "2", "0", "0", "22", "20", "2", "0", "0"]
    assert verdict == "events: holds for 2 batches, 44 records"


def test_verify_with_json_gives_batches_and_violations(taken_in_spec: Path) -> None:
    document = call_json("verify", taken_in_spec)

    assert (document["ok"], document["violations"]) == (True, [])
    assert document["batches"][0] == {
        "batch": 1, "state": "committed", "files": 2, "table_version": 0, "records_read": 22,
        "records_replayed": 0,
        "rows_written": 17, "rows_quarantined": 1, "rows_dropped": 1, "rows_duplicate": 2,
        "files_recounted": 2, "files_gone": 0, "files_changed": 0, "undoes": None, "undone_by": None,
        "rebuilds": None, "rebuilt_by": None,
    }  # fmt: skip


def test_verify_where_the_proof_does_not_hold_says_where_and_ends_with_1(
    taken_in: Pipeline, taken_in_spec: Path, local: Store
) -> None:
    DeltaTable(f"{taken_in.table.uri}_quarantine").delete("batch = 1")

    people, program = call("verify", taken_in_spec), call("verify", taken_in_spec, "--json")

    path = local.at("landing/a.ndjson")
    assert people.exit_code == program.exit_code == 1
    assert people.stdout.splitlines()[-2:] == [
        f"violation: batch 1, {path}: rows in the quarantine: expected 1, found 0",
        "events: DOES NOT HOLD, 1 violation",
    ]
    document = json.loads(program.stdout)
    assert document["ok"] is False
    assert document["violations"] == [
        {"batch": 1, "file": path, "what": "rows in the quarantine", "expected": 1, "found": 0}
    ]


def test_verify_after_replay_and_undo_counts_each_landed_record_once(local: Store, tmp_path: Path) -> None:
    strict, loose = (a_pipeline(local, {"id": "int64!", "n": kind}) for kind in ("int64!", "int64"))
    land(local, "a.ndjson", b'{"id": 1, "n": 1}', b'{"id": 2}')
    run(strict, SETTINGS)
    replay(loose, SETTINGS)
    undo(loose, 2, SETTINGS)
    replay(loose, SETTINGS)
    spec = write_spec(tmp_path, loose)

    batches = call_json("verify", spec)["batches"]

    read = [(one["records_read"], one["records_replayed"]) for one in batches]
    assert read == [(2, 0), (1, 1), (None, None), (1, 1)]
    assert called("verify", spec).splitlines()[-1] == "events: holds for 4 batches, 2 records"


def test_verify_before_the_first_run_holds(local: Store, tmp_path: Path) -> None:
    land(local, "a.ndjson", event(1))

    assert called("verify", write_spec(tmp_path, a_pipeline(local))) == (
        "events: holds for 0 batches, 0 records\n"
    )


def test_verify_planned_batch_is_told(local: Store, tmp_path: Path) -> None:
    land(local, "a.ndjson", event(1))
    pipeline = a_pipeline(local)
    landed = list_landing(pipeline.source.location)
    plan(pipeline.table.uri, pipeline.name, 1, landed=lambda: landed, max_files=9, max_bytes=9999)

    assert called("verify", write_spec(tmp_path, pipeline)).splitlines()[0] == (
        "batch 1: planned with 1 file, not committed yet"
    )


def test_verify_name_of_a_file_that_would_do_something_to_the_terminal_is_harmless(
    local: Store, tmp_path: Path
) -> None:
    land(local, "a\x1b[2J.ndjson", b"bad")
    pipeline = a_pipeline(local)
    spec = write_spec(tmp_path, pipeline)
    called("run", spec)
    DeltaTable(f"{pipeline.table.uri}_quarantine").delete()

    assert "\x1b" not in call("verify", spec).stdout


def test_verify_pipeline_that_is_not_there_is_a_wrong_command(tmp_path: Path) -> None:
    ended = call("verify", tmp_path / "nobody.yaml")

    assert ended.exit_code == 2
    assert "nobody.yaml" in ended.stderr


def test_verify_under_a_bar_proves_the_same(taken_in: Pipeline) -> None:
    with showing(taken_in.name) as bar:
        assert prove(taken_in, SETTINGS, bar) == prove(taken_in, SETTINGS)
