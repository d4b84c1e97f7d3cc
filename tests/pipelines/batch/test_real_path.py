"""The way that a person goes: init, run, verify, and again, on events like those of a public feed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from tests.pipelines.taking_in import penstock

EVENTS = 300
PAYLOADS: tuple[dict[str, Any], ...] = (
    {"push_id": 7562338171, "size": 1, "commits": [{"sha": "c0ffee", "author": {"name": "é"}}]},
    {"action": "started"},
    {"ref": None, "ref_type": "repository", "description": "a \"quoted\"\ttext\n"},
    {"action": "opened", "number": 7, "pull_request": {"id": 1, "labels": [], "merged_by": None}},
    {"action": "created", "issue": {"id": 9, "labels": [{"name": "bug"}]}, "comment": {"body": "😀"}},
    {"forkee": {"id": 10, "private": False, "license": {"key": "mit"}}},
    {"pages": [{"page_name": "Home", "sha": "ab"}, {"page_name": "Other"}]},
    {},
)  # fmt: skip
KINDS = ("Push", "Watch", "Create", "PullRequest", "IssueComment", "Fork", "Gollum", "Public")


def public_event(number: int) -> dict[str, Any]:
    kind = number % len(KINDS)
    found = {
        "id": str(17_245_000_000 + number),
        "type": f"{KINDS[kind]}Event",
        "actor": {"id": 100 + number % 37, "login": f"user-{number % 37}", "gravatar_id": ""},
        "repo": {"id": number % 11, "name": f"org/repo-{number % 11}"},
        "payload": PAYLOADS[kind],
        "public": True,
        "created_at": f"2021-07-2{number * 3 // EVENTS}T10:{number % 60:02}:00Z",
    }
    return found | ({"org": {"id": number, "login": "org"}} if number % 3 == 0 else {})


def run_json(*arguments: object) -> Any:
    ended = penstock(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    lines = [json.dumps(public_event(number), ensure_ascii=False) for number in range(EVENTS)]
    (folder / "events.ndjson").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_init_run_verify_takes_every_event_in_once_and_proves_it(landing: Path, tmp_path: Path) -> None:
    spec, lake = tmp_path / "events.yaml", tmp_path / "lake"
    made = penstock("init", landing, "--name", "events", "--table", lake, "--output", spec)
    assert made.returncode == 0, made.stderr

    first = run_json("run", spec)
    proof = run_json("verify", spec)
    again = run_json("run", spec)
    shutil.copy(landing / "events.ndjson", landing / "copy.ndjson")
    copied = run_json("run", spec)

    assert [one["rows_written"] for one in first["batches"]] == [EVENTS]
    assert (proof["ok"], proof["violations"]) == (True, [])
    assert [one["records_read"] for one in proof["batches"]] == [EVENTS]
    assert (again["caught_up"], again["batches"]) == (True, [])
    assert [one["rows_written"] for one in copied["batches"]] == [EVENTS]
    assert run_json("verify", spec)["ok"]
    assert rows_of(lake) == sorted(2 * [expected(public_event(number)) for number in range(EVENTS)])


def expected(found: dict[str, Any]) -> tuple[Any, ...]:
    org = found.get("org") or {}
    payload = json.dumps(found["payload"], ensure_ascii=False)
    return (found["id"], found["actor"]["login"], payload, org.get("id", -1), found["created_at"][:10])


def rows_of(lake: Path) -> list[tuple[Any, ...]]:
    """What Polars and pyarrow both read."""
    chosen = [
        pl.col("id"),
        pl.col("actor").struct.field("login"),
        pl.col("payload"),
        pl.col("org").struct.field("id").fill_null(-1).alias("org_id"),
        pl.col("event_date").cast(pl.String),
    ]
    by_pyarrow = pl.DataFrame(DeltaTable(lake).to_pyarrow_table()).select(chosen)
    by_polars = pl.read_delta(str(lake)).select(chosen)
    assert sorted(by_polars.rows()) == sorted(by_pyarrow.rows())
    return sorted(by_polars.rows())
