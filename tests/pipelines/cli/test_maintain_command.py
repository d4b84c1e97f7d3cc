"""`penstock maintain`: what is due, and why the rest is not."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from pipelines.cli import maintain_command
from pipelines.maintain import maintain
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called, write_spec
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Three batches."""
    store = Store(str(tmp_path))
    pipeline = a_pipeline(
        store, source={"max_files_per_batch": 1}, table={"sort_by": ["id"], "upkeep": {"min_files": 3}}
    )
    for number in range(3):
        land(store, f"{number}.ndjson", *events(number, number + 1))
    run(pipeline, SETTINGS)
    return write_spec(tmp_path, pipeline)


@pytest.fixture
def two_hours_later(monkeypatch: pytest.MonkeyPatch) -> None:
    later = partial(maintain, now_ms=time.time_ns() // 10**6 + 7_200_000)
    monkeypatch.setattr(maintain_command, "maintain", later)


@pytest.mark.usefixtures("two_hours_later")
def test_maintain_tells_people_what_was_done_and_why(spec: Path) -> None:
    lines = called("maintain", spec).splitlines()

    assert len(lines) == 9
    assert "3 files" in lines[0]
    assert "with the same 3 rows" in lines[0]
    assert "nothing removed: no file has left the table more than 7d ago" in lines[1]
    assert "no checkpoint: 4 commits since the last one, of 100" in lines[2]


@pytest.mark.usefixtures("two_hours_later")
def test_maintain_in_json_has_all_counts(spec: Path) -> None:
    found = call_json("maintain", spec, "--compact")

    assert {one["task"] for one in found} == {"compact"}
    assert [one["state"] for one in found] == ["done", "done", "nothing"]  # nothing was refused
    assert set(found[0]) == {"uri", "task", "state", "why", "counts"}
    assert found[0]["counts"]["rows"] == 3


def test_maintain_options_restrict_it_to_what_they_name(spec: Path) -> None:
    found = call_json("maintain", spec, "--checkpoint", "--vacuum")

    assert [one["task"] for one in found] == ["vacuum", "checkpoint"] * 3
    assert [one["state"] for one in found] == ["nothing", "done"] * 3


def test_maintain_refuses_to_compact_a_uri(spec: Path) -> None:
    uri = spec.parent / "lake" / "events"

    result = call("maintain", uri, "--compact")

    assert result.exit_code == 1
    assert "name the pipeline" in result.stdout
    assert call("maintain", uri).exit_code == 0


def test_maintain_of_a_table_that_is_not_there_says_so(tmp_path: Path) -> None:
    result = call("maintain", tmp_path / "nothing")

    assert result.exit_code == 1
    assert "no table" in result.stderr


def test_maintain_before_the_first_batch_says_so(tmp_path: Path) -> None:
    spec = write_spec(tmp_path, a_pipeline(Store(str(tmp_path))))

    assert "no table yet" in called("maintain", spec)
    assert call_json("maintain", spec) == []
