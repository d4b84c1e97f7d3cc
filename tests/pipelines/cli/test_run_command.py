"""`penstock run`: the document, the table, the terminal."""

from __future__ import annotations

import gzip
import json
import os
import pty
from contextlib import suppress
from pathlib import Path

import pytest

from pipelines.profile import STAGES
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called, start, write_spec
from tests.pipelines.taking_in import a_pipeline, events, land

KEYS = [
    "batch", "files", "bytes_read", "records_read", "rows_written", "rows_quarantined", "rows_dropped",
    "rows_duplicate", "table_version", "seconds", "peak_memory_bytes", "undoes", "rows_removed", "readers",
    "quarantined_by_reason", "seconds_by_stage", "unmet",
]  # fmt: skip


def test_run_with_json_prints_the_documented_document(store: Store, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, a_pipeline(store, source={"max_files_per_batch": 1}))
    land(store, "a.ndjson", *events(0, 3), b"no json")
    land(store, "b.ndjson", *events(3, 5))

    document = call_json("run", spec)

    assert list(document) == ["pipeline", "caught_up", "batches"]
    assert [list(one) for one in document["batches"]] == [KEYS, KEYS]
    assert [one["rows_written"] for one in document["batches"]] == [3, 2]
    assert [one["rows_quarantined"] for one in document["batches"]] == [1, 0]
    assert [one["quarantined_by_reason"] for one in document["batches"]] == [{"malformed_json": 1}, {}]
    assert [list(one["seconds_by_stage"]) for one in document["batches"]] == [["plan", "write", "commit"]] * 2
    assert document["caught_up"] is True


def test_run_with_profile_tells_the_cpu_time_of_stages(store: Store, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, a_pipeline(store))
    land(store, "a.ndjson", *events(0, 20_000))

    document = call_json("run", spec, "--profile")

    assert document["profile"]
    assert set(document["profile"]) <= set(STAGES)
    land(store, "b.ndjson", *events(20_000, 40_000))
    assert "share" in called("run", spec, "--profile")


def test_run_with_nothing_to_do_says_so(taken_in_spec: Path) -> None:
    assert called("run", taken_in_spec) == "events: caught up\n"
    assert call_json("run", taken_in_spec) == {"pipeline": "events", "caught_up": True, "batches": []}


def test_run_a_limited_number_of_batches_says_that_more_may_wait(local: Store, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, a_pipeline(local, source={"max_files_per_batch": 1}))
    for name in ("a", "b", "c"):
        land(local, f"{name}.ndjson", *events(0, 3))

    lines = called("run", spec, "--max-batches", 2).splitlines()

    assert [line.split()[0] for line in lines] == ["batch", "1", "2", "events:"]
    assert lines[-1] == "events: more may wait"


def test_run_by_name_finds_the_file_in_the_pipelines_folder(
    taken_in_spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_PIPELINES", str(taken_in_spec.parent))

    assert called("run", "events") == "events: caught up\n"


def test_run_what_cannot_be_read_ends_with_one(local: Store, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, a_pipeline(local))

    result = call("run", spec)

    assert (result.exit_code, result.stdout) == (1, "")
    assert str(local.at("landing")) in result.stderr


def test_run_a_wrong_file_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "events.yaml").write_text("name: events\nsauce: {}\n")

    result = call("run", tmp_path / "events.yaml", "--json")

    assert result.exit_code == 2
    assert "source" in str(json.loads(result.stdout)["error"]["problems"])


def test_run_with_a_step_from_the_current_folder_finds_it(local: Store, tmp_path: Path) -> None:
    (tmp_path / "my_steps.py").write_text("def small(rows, below):\n    return rows.filter(id=below - 1)\n")
    step = {"use": "my_steps:small", "with": {"below": 3}}
    spec = write_spec(tmp_path, a_pipeline(local, transforms=[step]))
    land(local, "a.ndjson", *events(0, 9))

    process = start("run", spec, "--json", cwd=tmp_path)
    output, errors = process.communicate()

    assert (process.returncode, errors) == (0, "")
    assert json.loads(output)["batches"][0]["rows_written"] == 1


@pytest.mark.parametrize("compressed", [False, True])
def test_run_in_a_terminal_shows_how_far_it_is(compressed: bool, local: Store, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, a_pipeline(local))
    records = b"\n".join(events(0, 3))
    if compressed:
        local.put("landing/a.ndjson.gz", gzip.compress(records))
    else:
        local.put("landing/a.ndjson", records)
    screen, terminal = pty.openpty()

    process = start("run", spec, "--json", cwd=tmp_path, stderr=terminal, env={"TERM": "xterm"})
    os.close(terminal)
    output, _ = process.communicate()
    shown = everything_on(screen)

    assert process.returncode == 0
    assert json.loads(output)["caught_up"] is True
    assert "events batch 1" in shown
    assert "file 1/1" in shown
    assert ("B of " in shown) is not compressed


def everything_on(screen: int) -> str:
    """What was written to a terminal that all writers have closed, which Linux tells as an error."""
    shown = b""
    with suppress(OSError):
        while part := os.read(screen, 65_536):
            shown += part
    os.close(screen)
    return shown.decode()
