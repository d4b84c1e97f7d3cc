"""`penstock undo`, and what other commands say of it."""

from __future__ import annotations

from pathlib import Path

from pipelines.run import run
from pipelines.undo import undo
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called, write_spec
from tests.pipelines.dying_undo import POINTS
from tests.pipelines.taking_in import SETTINGS, ids
from tests.pipelines.undo.test_undo_exactly_once import killed_at
from tests.pipelines.undoing import land_three, one_file_a_batch


def a_spec(store: Store, folder: Path) -> Path:
    """The file of a pipeline that has taken in three batches."""
    land_three(store)
    pipeline = one_file_a_batch(store)
    run(pipeline, SETTINGS)
    return write_spec(folder, pipeline)


def test_undo_says_what_it_did(local: Store, tmp_path: Path) -> None:
    spec = a_spec(local, tmp_path)

    assert called("undo", spec, "--batch", 2) == (
        "events: batch 2 is undone, 10 rows less in the table, by batch 4; "
        "the next run takes in again what is still there of its 1 file\n"
    )
    assert called("undo", spec, "--batch", 2) == "events: batch 2 was undone before, by batch 4\n"
    assert call_json("undo", spec, "--batch", 2) == {
        "pipeline": "events",
        "batch": 4,
        "undoes": 2,
        "files": 1,
        "rows_removed": 10,
        "table_version": 3,
        "done_before": True,
    }


def test_undo_without_a_batch_or_of_one_that_is_not_there_is_refused(local: Store, tmp_path: Path) -> None:
    spec = a_spec(local, tmp_path)

    assert call("undo", spec).exit_code == 2
    result = call("undo", spec, "--batch", 9)

    assert result.exit_code == 1
    assert "there is no such batch" in result.stderr
    assert "1 to 3" in result.stderr


def test_verify_and_history_name_both_batches(local: Store, tmp_path: Path) -> None:
    spec = a_spec(local, tmp_path)
    called("undo", spec, "--batch", 2)

    proof = call_json("verify", spec)

    assert [(one["undoes"], one["undone_by"]) for one in proof["batches"]] == [
        (None, None), (None, 4), (None, None), (2, None),
    ]  # fmt: skip
    assert "batch 4: undid batch 2" in called("verify", spec)
    newest = call_json("history", spec, "--limit", 1)[0]
    assert (newest["operation"], newest["batch"], newest["undoes"]) == ("UNDO", 4, 2)
    assert "undid batch 2, 10 rows less" in called("history", spec)


def test_status_and_run_tell_of_an_undo_that_died(local: Store, tmp_path: Path) -> None:
    spec = a_spec(local, tmp_path)
    killed_at(one_file_a_batch(local), POINTS[1])

    (found,) = call_json("status", spec)["pipelines"]
    assert (found["planned"]["batch"], found["planned"]["undoes"]) == (4, 2)
    assert "batch 4, the undo of batch 2; the next run takes it up" in called("status", spec)

    batches = call_json("run", spec)["batches"]

    assert [(one["batch"], one["undoes"], one["rows_removed"]) for one in batches] == [
        (4, 2, 10),
        (5, None, 0),
    ]
    assert ids(one_file_a_batch(local)) == list(range(30))


def test_quarantine_shows_nothing_of_a_batch_that_is_undone(local: Store, tmp_path: Path) -> None:
    spec = a_spec(local, tmp_path)
    undo(one_file_a_batch(local), 2, SETTINGS)

    assert [one["batch"] for one in call_json("quarantine", spec)] == [1, 3]
