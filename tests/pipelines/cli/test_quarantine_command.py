"""`penstock quarantine`: records verbatim for programs, and harmless for terminals."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from config.pipeline import Pipeline
from pipelines.batch.committing import commit_refused
from pipelines.batch.planning import plan_batch
from pipelines.batch.writing import write_batch
from pipelines.cli.quarantine_command import with_text
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called, write_spec
from tests.pipelines.taking_in import SETTINGS, a_pipeline, event, events, land

EVIL = b'{"id": "\x1b[2J\x07"}'


@pytest.fixture
def pipeline(local: Store) -> Pipeline:
    """Two batches: three records refused, then one."""
    return refuse_some(local)


def refuse_some(store: Store) -> Pipeline:
    pipeline = a_pipeline(store, source={"max_files_per_batch": 1})
    land(store, "deep/a.ndjson", event(1), b"[]", b'{"id": "x"}', event(2), b"\xff{")
    land(store, "deep/b.ndjson", event(3), EVIL)
    run(pipeline, SETTINGS)
    return pipeline


def test_quarantine_with_json_gives_each_record_verbatim_with_its_place(store: Store, tmp_path: Path) -> None:
    rows = call_json("quarantine", write_spec(tmp_path, refuse_some(store)))

    assert [row["raw"] for row in rows] == ["[]", '{"id": "x"}', None, EVIL.decode()]
    assert base64.b64decode(rows[2]["raw_base64"]) == b"\xff{"
    assert [row["raw_base64"] is None for row in rows] == [True, True, False, True]
    assert [(row["batch"], row["record"]) for row in rows] == [(1, 2), (1, 3), (1, 5), (2, 2)]
    assert rows[0]["path"] == str(store.at("landing/deep/a.ndjson"))
    assert rows[1]["column"] == "id"
    assert list(rows[0]) == [
        "batch", "path", "record", "offset", "length", "reason", "column", "raw", "header", "raw_base64",
    ]  # fmt: skip
    assert rows[0]["offset"] == len(event(1)) + 1


@pytest.mark.parametrize(
    ("options", "records"),
    [(["--batch", "1"], 3), (["--batch", "2"], 1), (["--batch", "9"], 0), (["--limit", "2"], 2)],
)
def test_quarantine_with_options_gives_what_was_asked_for(
    options: list[str], records: int, pipeline: Pipeline, tmp_path: Path
) -> None:
    assert len(call_json("quarantine", write_spec(tmp_path, pipeline), *options)) == records


def test_quarantine_for_people_shows_records_that_do_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    shown = called("quarantine", write_spec(tmp_path, pipeline))

    assert shown.isprintable() or all(line.isprintable() for line in shown.splitlines())
    assert r"\x1b[2J\x07" in shown
    assert r"\xff{" in shown
    assert "a.ndjson" in shown
    assert shown.endswith("/landing/deep/\n4 of 4 records\n")


def test_quarantine_for_people_shows_a_page_and_says_so(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    land(local, "a.ndjson", *[b"%d" % number for number in range(50)])
    run(pipeline, SETTINGS)
    spec = write_spec(tmp_path, pipeline)

    lines = called("quarantine", spec).splitlines()

    assert len(lines) == 24
    assert lines[-2:] == ["20 of 50 records", "more: --limit N; all of them, and whole: --json"]
    assert len(called("quarantine", spec, "--limit", 50).splitlines()) == 53


def test_quarantine_of_nothing_says_so(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    spec = write_spec(tmp_path, pipeline)
    assert called("quarantine", spec) == "events: nothing is in the quarantine\n"

    land(local, "a.ndjson", *events(0, 3))
    run(pipeline, SETTINGS)
    assert called("quarantine", spec) == "events: nothing is in the quarantine\n"
    assert call_json("quarantine", spec) == []


def test_quarantine_leaves_out_a_batch_that_is_not_committed(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    land(local, "a.ndjson", b"[]", event(1))
    planned = plan_batch(pipeline)
    assert planned is not None
    written = write_batch(pipeline, planned, SETTINGS)
    commit_refused(pipeline, written)

    assert call_json("quarantine", write_spec(tmp_path, pipeline)) == []
    run(pipeline, SETTINGS)
    assert len(call_json("quarantine", write_spec(tmp_path, pipeline))) == 1


def test_quarantine_of_a_record_too_long_to_keep_says_so(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    frame = b'{"id": 1, "kind": "' + b"x" * 3_000_000 + b'"}'
    land(local, "a.ndjson", frame, event(1))
    run(pipeline, type(SETTINGS)(memory_bytes=64 * 2**20, max_record_bytes=2**20))
    spec = write_spec(tmp_path, pipeline)

    row = call_json("quarantine", spec)[0]
    assert (row["reason"], row["raw"], row["raw_base64"]) == ("record_too_long", None, None)
    assert "(too long to keep)" in called("quarantine", spec)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        [None],
        [b"\xff"],
        [b"a", b"\xff", None, b"\xed\xa0\x80", "é".encode(), b"\xc3"],
        [b"\xff"] * 9,
        [b"ok"] * 9,
    ],
)
def test_with_text_splits_utf_8_from_the_rest(raw: list[Any]) -> None:
    found = with_text(pl.DataFrame({"raw": raw}, schema={"raw": pl.Binary}))

    for before, text, encoded in zip(raw, found["raw"], found["raw_base64"], strict=True):
        assert (text is None or encoded is None) and (before is None) == (text is None and encoded is None)
        assert before is None or before == (
            base64.b64decode(encoded) if text is None else text.encode("utf-8")
        )


def test_quarantine_of_a_limit_of_nothing_is_refused(tmp_path: Path) -> None:
    assert call("quarantine", tmp_path / "events.yaml", "--limit", 0).exit_code == 2
