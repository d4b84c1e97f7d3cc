"""`penstock backfill`, and what other commands say of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.cli.outcome import FAILED, WRONG
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called, write_spec
from tests.pipelines.taking_in import SETTINGS, ids
from tests.pipelines.undoing import land_three, one_file_a_batch
from tests.processes import killed


@pytest.fixture
def spec(local: Store, tmp_path: Path) -> Path:
    """The file of a pipeline that has taken in three batches."""
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    return write_spec(tmp_path, pipeline)


def test_backfill_says_what_it_would_do_and_did(spec: Path) -> None:
    assert called("backfill", spec, "--rebuild", "--dry-run") == (
        "events: would take in 3 files, 1.8 KiB again, in the place of 30 rows in the table\n"
    )
    assert called("backfill", spec, "--rebuild") == (
        "batch 4: 3 files, 30 rows written, 3 records quarantined\n"
        "events: rebuilt, 3 files, 1.8 KiB; 30 rows taken out\n"
    )


def test_backfill_of_a_range_says_what_it_would_do_and_did(spec: Path) -> None:
    arguments = ("backfill", spec, "--files", "[12].ndjson")

    assert called(*arguments, "--dry-run") == (
        "events: would undo batches 3, 2 and take in their 2 files, 1.2 KiB again\n"
    )
    assert called(*arguments).splitlines() == [
        "batch 4: undid batch 3, 10 rows less",
        "batch 5: undid batch 2, 10 rows less",
        "batch 6: 1 file, 10 rows written, 1 record quarantined",
        "batch 7: 1 file, 10 rows written, 1 record quarantined",
        "events: batches 3, 2 taken in again, 2 files, 1.2 KiB; 20 rows taken out",
    ]


def test_backfill_with_json_gives_the_summary(spec: Path) -> None:
    document = call_json("backfill", spec, "--rebuild")

    (batch,) = document.pop("batches")
    assert (batch["batch"], batch["rows_written"]) == (4, 30)
    assert document == {
        "pipeline": "events",
        "rebuild": True,
        "dry_run": False,
        "files": 3,
        "bytes": document["bytes"],
        "again": [1, 2, 3],
        "rows_removed": 30,
    }


@pytest.mark.parametrize(
    "options", [[], ["--rebuild", "--files", "*"], ["--give-up", "--rebuild"], ["--since", "soon"]]
)
def test_backfill_of_nothing_or_too_much_is_wrong(spec: Path, options: list[str]) -> None:
    assert call("backfill", spec, *options).exit_code == WRONG


def test_backfill_of_times_says_where_there_is_nothing(spec: Path) -> None:
    result = call("backfill", spec, "--until", "2020-01-01", "--since", "2019-01-01T00:00:00+02:00")

    assert result.exit_code == FAILED
    assert "no file of the range is in the table" in result.stderr


def test_other_commands_know_a_rebuild(spec: Path) -> None:
    called("backfill", spec, "--rebuild")

    newest = call_json("history", spec)[0]
    assert (newest["operation"], newest["rebuilds"], newest["counts"]) == ("REBUILD", 3, {"removed": 30})
    assert "rebuilt what batches up to 3 had, 30 rows" in called("history", spec)
    batches = call_json("verify", spec)["batches"]
    assert [(one["rebuilds"], one["rebuilt_by"]) for one in batches] == [(None, 4)] * 3 + [(3, None)]
    assert "batch 4: took the place of all batches up to 3" in called("verify", spec)
    result = call("undo", spec, "--batch", "4")
    assert (result.exit_code, "backfill PIPELINE --rebuild" in result.stderr) == (FAILED, True)


def test_other_commands_know_a_rebuild_that_died_and_it_can_be_given_up(local: Store, spec: Path) -> None:
    pipeline = one_file_a_batch(local)
    killed("pipelines.dying_rebuild", pipeline.model_dump_json(by_alias=True), "all written")

    found = call_json("status", spec)["pipelines"][0]
    assert (found["planned"]["rebuilds"], found["planned"]["oldest"], found["lag_seconds"]) == (3, None, None)
    assert "a rebuild of 3 files" in called("status", spec)
    assert "planned, not committed yet: to take the place of" in called("verify", spec)
    assert called("backfill", spec, "--give-up") == (
        "events: the rebuild, batch 4, is given up; the table is as it was\n"
    )
    assert call_json("backfill", spec, "--give-up") == {"pipeline": "events", "given_up": None}
    assert called("backfill", spec, "--give-up") == "events: no rebuild is planned\n"
    assert ids(pipeline) == list(range(30))
