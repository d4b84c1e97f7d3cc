"""Ctrl-C and SIGTERM, sent to a real process while it takes in what landed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.pipeline import Pipeline
from storage.tables.delta import open_table
from storage.tables.quarantine.records import quarantined
from tests.conftest import Store
from tests.pipelines.cli.calling import call_json, start, write_spec
from tests.pipelines.taking_in import a_pipeline, events, ids, land

RECORDS = 150_000
SLOW_STEP = """
import time

def slow(rows, seconds):
    def wait(frame):
        open("at-work", "w").close()
        time.sleep(seconds)
        return frame
    return rows.map_batches(wait, streamable=True)
"""


@pytest.fixture
def pipeline(local: Store, tmp_path: Path) -> Pipeline:
    """A dozen blocks of records, each of which takes a fifth of a second: seconds of work on any machine."""
    (tmp_path / "slow_step.py").write_text(SLOW_STEP)
    land(local, "a.ndjson", *events(0, RECORDS), b"no json")
    return slowed(local, seconds=0.2)


def slowed(store: Store, *, seconds: float) -> Pipeline:
    return a_pipeline(store, transforms=[{"use": "slow_step:slow", "with": {"seconds": seconds}}])


@contextmanager
def at_work(pipeline: Pipeline, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that has got to the transform; small blocks."""
    process = start(
        "run",
        write_spec(folder, pipeline),
        "--json",
        cwd=folder,
        env={"PENSTOCK_MEMORY": "64 MiB"},
        # A shell that runs these tests in the background has SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        deadline = time.monotonic() + 60
        while not (folder / "at-work").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[str], *, within_s: float) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=within_s)
    return process.returncode, output, errors


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stop_leaves_nothing_visible_and_the_next_run_takes_it_up(
    how: signal.Signals, pipeline: Pipeline, tmp_path: Path
) -> None:
    with at_work(pipeline, tmp_path) as process:
        process.send_signal(how)
        status, output, errors = stopped(process, within_s=5)

    assert status == 1
    assert json.loads(output)["error"]["what"] == "stopped"
    assert errors.startswith("Error: stopped")
    assert "Traceback" not in errors
    assert open_table(pipeline.table.uri) is None
    assert list(Path(pipeline.table.uri).rglob("*.parquet")) == []
    assert quarantined(pipeline.table.uri, pipeline.name).is_empty()

    taken_up: Any = next_run(pipeline, tmp_path)
    assert [one["batch"] for one in taken_up["batches"]] == [1]
    assert ids(pipeline) == list(range(RECORDS))


def test_stop_when_all_was_read_leaves_nothing_visible(local: Store, tmp_path: Path) -> None:
    (tmp_path / "slow_step.py").write_text(SLOW_STEP)
    land(local, "a.ndjson", *events(0, 10))
    pipeline = slowed(local, seconds=2)

    with at_work(pipeline, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        status, output, errors = stopped(process, within_s=10)

    assert (status, json.loads(output)["error"]["what"]) == (1, "stopped"), errors
    assert open_table(pipeline.table.uri) is None
    assert list(Path(pipeline.table.uri).rglob("*.parquet")) == []


def next_run(pipeline: Pipeline, folder: Path) -> Any:
    process = start("run", write_spec(folder, pipeline), "--json", cwd=folder)
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    return json.loads(output)


def test_stop_twice_ends_at_once_whatever_is_running(local: Store, tmp_path: Path) -> None:
    (tmp_path / "slow_step.py").write_text(SLOW_STEP)
    land(local, "a.ndjson", *events(0, 10))
    pipeline = slowed(local, seconds=60)

    with at_work(pipeline, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        status, _, errors = stopped(process, within_s=5)

    assert status == 1
    assert "stopped at once" in errors
    assert open_table(pipeline.table.uri) is None


def test_stop_once_ends_what_does_not_listen_within_its_time(local: Store, tmp_path: Path) -> None:
    (tmp_path / "slow_step.py").write_text(SLOW_STEP)
    land(local, "a.ndjson", *events(0, 10))

    with at_work(slowed(local, seconds=60), tmp_path) as process:
        process.terminate()
        status, _, errors = stopped(process, within_s=10)

    assert status == 1
    assert "stopped at once" in errors


def test_stop_between_batches_keeps_those_that_are_committed(local: Store, tmp_path: Path) -> None:
    (tmp_path / "slow_step.py").write_text(SLOW_STEP)
    for number in range(30):
        land(local, f"{number:02}.ndjson", *events(10 * number, 10 * number + 10))
    step = {"use": "slow_step:slow", "with": {"seconds": 0.2}}
    pipeline = a_pipeline(local, source={"max_files_per_batch": 1}, transforms=[step])

    with at_work(pipeline, tmp_path) as process:
        while open_table(pipeline.table.uri) is None:
            time.sleep(0.02)
        process.terminate()
        status, _, _ = stopped(process, within_s=5)
        seen = ids(pipeline)

    assert status == 1
    assert 0 < len(seen) < 300
    assert len(seen) % 10 == 0

    status_document = call_json("status", write_spec(tmp_path, pipeline))["pipelines"][0]
    assert status_document["last_batch"] == len(seen) // 10
