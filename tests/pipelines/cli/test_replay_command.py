"""`penstock replay`: counts for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.batch.planning import plan_replay_batch
from pipelines.cli.outcome import FAILED, WRONG
from pipelines.run import run
from storage.tables.quarantine.recalled import open_files
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called, write_spec
from tests.pipelines.taking_in import SETTINGS, a_pipeline, land

COLUMNS = {"id": "int64!", "n": "int32"}


@pytest.fixture
def spec(local: Store, tmp_path: Path) -> Path:
    """A pipeline that refused three records, two of which fit today."""
    land(local, "a.ndjson", b'{"id": 1}', b'{"id": 2, "n": "x"}', b'{"id": 3, "n": 1.5}', b"bad")
    run(a_pipeline(local, COLUMNS), SETTINGS)
    return write_spec(tmp_path, a_pipeline(local, COLUMNS, contract={"on_mismatch": "rescue"}))


def test_replay_tells_what_became_of_the_records(spec: Path) -> None:
    first, second = called("replay", spec), called("replay", spec)

    assert [line.split() for line in first.splitlines()] == [
        ["events"],
        ["in", "the", "quarantine", "3"],
        ["taken", "in", "2"],
        ["still", "refused,", "malformed_json", "1"],
    ]
    assert second.splitlines()[1].split() == ["in", "the", "quarantine", "1"]


def test_replay_with_json_gives_counts_and_batches(spec: Path) -> None:
    document = call_json("replay", spec)

    (one,) = document.pop("batches")
    assert document == {
        "pipeline": "events", "open": 3, "taken_in": 2, "still_refused": {"malformed_json": 1},
        "dropped": 0, "duplicates": 0, "not_replayable": 0,
    }  # fmt: skip
    assert (one["batch"], one["records_read"], one["rows_written"], one["rows_quarantined"]) == (2, 3, 2, 1)


def test_replay_leaves_quarantine_and_status_with_what_is_open(spec: Path) -> None:
    called("replay", spec)

    assert [row["raw"] for row in call_json("quarantine", spec)] == ["bad"]
    (status,) = call_json("status", spec)["pipelines"]
    assert (status["last_batch"], status["quarantined"]) == (2, {"malformed_json": 1})
    assert call_json("verify", spec)["ok"]
    assert [one["batch"] for one in call_json("history", spec)] == [2, 1]


def test_replay_with_nothing_in_the_quarantine_says_so(local: Store, tmp_path: Path) -> None:
    path = write_spec(tmp_path, a_pipeline(local, COLUMNS))

    assert called("replay", path) == "events: nothing is in the quarantine\n"
    assert call_json("replay", path)["batches"] == []


def test_replay_planned_and_not_committed_does_not_count_as_lag(spec: Path, local: Store) -> None:
    pipeline = a_pipeline(local, COLUMNS, contract={"on_mismatch": "rescue"})
    files = open_files(pipeline.table.uri, pipeline.name, 1)
    assert plan_replay_batch(pipeline, lambda: files) is not None

    (status,) = call_json("status", spec)["pipelines"]

    assert (status["planned"]["batch"], status["lag_seconds"]) == (2, None)


@pytest.mark.usefixtures("spec")
def test_replay_of_a_pipeline_that_fails_ends_with_1(local: Store, tmp_path: Path) -> None:
    failing = a_pipeline(local, COLUMNS, contract={"on_mismatch": "fail"})
    result = call("replay", write_spec(tmp_path, failing))

    assert result.exit_code == FAILED
    assert "on_mismatch" in result.stderr


def test_replay_without_a_pipeline_file_ends_with_2(tmp_path: Path) -> None:
    assert call("replay", tmp_path / "none.yaml").exit_code == WRONG
