"""`penstock scan`: conditions, columns, versions, limits; for people and as JSON."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import write_deltalake

from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.cli.calling import call, call_json, called
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land

COLUMNS = {"id": "int64!", "kind": "string", "actor": {"id": "int64", "login": "string"}}


@pytest.fixture
def lake(local: Store) -> str:
    """A table of two versions: ids 0 to 9, then to 19."""
    return make_lake(local)


def make_lake(store: Store) -> str:
    pipeline = a_pipeline(store, COLUMNS, source={"max_files_per_batch": 1})
    land(store, "a.ndjson", *events(0, 10))
    land(store, "b.ndjson", *events(10, 20))
    run(pipeline, SETTINGS)
    return pipeline.table.uri


def ids_of(rows: Any) -> list[int]:
    return sorted(row["id"] for row in rows)


def test_scan_with_json_prints_every_row_as_one_array(store: Store) -> None:
    rows = call_json("scan", make_lake(store))

    assert ids_of(rows) == list(range(20))
    assert rows[0] == {"id": rows[0]["id"], "kind": "click", "actor": rows[0]["actor"], "_rescued": None}
    assert set(rows[0]["actor"]) == {"id", "login"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--where", "id >= 5 and actor.id = 0"], [7, 14]),
        (["--version", "0", "--where", "id > 7"], [8, 9]),
        (["--where", "id > 100"], []),
        (["--where", "kind is null"], []),
    ],
)
def test_scan_with_options_gives_what_was_asked_for(
    options: list[str], expected: list[int], lake: str
) -> None:
    assert ids_of(call_json("scan", lake, *options)) == expected


def test_scan_with_a_limit_gives_no_more(lake: str) -> None:
    assert len(call_json("scan", lake, "--limit", 3)) == 3
    assert len(call_json("scan", lake, "--limit", 3, "--where", "id > 17")) == 2


def test_scan_selects_columns_and_fields_by_their_paths(lake: str) -> None:
    rows = call_json("scan", lake, "--select", "actor.login, id", "--where", "actor.id = 6 and id < 10")

    assert rows == [{"actor.login": "a", "id": 6}]


def test_scan_opens_no_file_that_partition_or_bounds_rule_out(local: Store) -> None:
    uri = local.at("table")
    for day, first in ((1, 0), (1, 10), (2, 0)):
        rows = pl.DataFrame({"id": range(first, first + 10), "day": [day] * 10})
        write_deltalake(uri, rows.to_arrow(), partition_by=["day"], mode="append")
    # What may not be opened is not even there any more.
    for path in Path(uri).rglob("*.parquet"):
        if path.parent.name == "day=2" or pl.read_parquet(path)["id"].min() == 10:
            path.unlink()

    assert ids_of(call_json("scan", uri, "--where", "day = 1 and id < 3")) == [0, 1, 2]


def test_scan_of_a_pipeline_reads_its_table(taken_in_spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_file = call_json("scan", taken_in_spec)
    monkeypatch.setenv("PENSTOCK_PIPELINES", str(taken_in_spec.parent))

    assert len(by_file) == 37
    assert len(call_json("scan", "events")) == 37


def test_scan_for_people_shows_a_page_and_says_how_many_there_are(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 1500))
    pipeline = a_pipeline(local, COLUMNS)
    run(pipeline, SETTINGS)

    lines = called("scan", pipeline.table.uri).splitlines()

    assert lines[0].split() == ["id", "kind", "actor", "_rescued"]
    assert len(lines) == 22
    assert lines[-1] == "20 rows of 1,500; version 0"


def test_scan_for_people_with_a_condition_says_whether_there_are_more(lake: str) -> None:
    assert "1 row, there are no others; version 1" in called("scan", lake, "--where", "id = 3")
    assert "2 rows, there are more" in called("scan", lake, "--where", "id > 3", "--limit", "2")
    assert called("scan", lake, "--where", "id > 99") == "0 rows, there are no others; version 1\n"


def test_scan_for_people_shows_values_of_every_type_and_lets_none_act(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "text": ["\x1b[2J\n", None],
            "bytes": [b"\xff\x00", None],
            "list": [[1, 2], None],
            "at": pl.Series(["2026-01-05T12:00:00.5", None]).str.to_datetime(time_zone="UTC"),
            "share": [float("nan"), 0.5],
        }
    )
    write_deltalake(tmp_path / "table", frame.to_arrow())

    shown = called("scan", tmp_path / "table")

    assert "\x1b" not in shown
    lines = shown.splitlines()
    assert lines[1].split() == [r"\x1b[2J\n", "/wA=", "[1,", "2]", "2026-01-05", "12:00:00.500Z", "null"]
    assert len(lines) == 4


def test_scan_with_json_writes_bytes_in_base64(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "table", pl.DataFrame({"bytes": [b"\xff\x00"]}).to_arrow())

    assert base64.b64decode(call_json("scan", tmp_path / "table")[0]["bytes"]) == b"\xff\x00"


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--where", "id >"], 2, "condition"),
        (["--where", "nope = 1"], 2, "nope"),
        (["--where", "exists (from read_csv('/etc/hostname'))"], 2, "row alone"),
        (["--select", "idd"], 2, "did you mean 'id'?"),
        (["--select", "actor.nope"], 2, "actor.nope"),
        (["--select", "id,id"], 2, "twice"),
        (["--select", ""], 2, "no such column"),
        (["--version", "7"], 1, "a version from 0 to 1"),
        (["--limit", "0"], 2, "--limit"),
    ],
)
def test_scan_for_what_cannot_be_answered_says_why(
    options: list[str], status: int, words: str, lake: str
) -> None:
    result = call("scan", lake, *options)

    assert (result.exit_code, result.stdout) == (status, "")
    assert words in result.stderr


def test_scan_a_table_with_a_file_missing_ends_with_one(lake: str) -> None:
    for path in Path(lake).glob("*.parquet"):
        path.unlink()

    result = call("scan", lake, "--json")

    assert result.exit_code == 1
    assert "could not read the table" in json.loads(result.stdout)["error"]["what"]


def test_scan_explain_tells_what_was_skipped_and_read(store: Store) -> None:
    uri = make_lake(store)

    told = call_json("scan", uri, "--where", "id = 3", "--select", "id", "--explain")
    lines = called("scan", uri, "--where", "id = 3", "--select", "id", "--explain").splitlines()

    assert told["rows"] == 1
    assert told["files"] == {
        "total": 2,
        "skipped_by_partition": 0,
        "skipped_by_file_statistics": 1,
        "skipped_by_row_group_statistics": 0,
        "read": 1,
    }
    assert told["bytes"]["total"] > told["bytes"]["read"] > 0
    assert told["bytes"]["total"] > told["bytes"]["skipped_by_file_statistics"] > 0
    table, picture = lines[:5], lines[6:11]
    assert [line.split()[0] for line in table] == ["total", "partitions", "files", "row", "bytes"]
    assert [line.split()[0] for line in picture[:4]] == ["partitions", "files", "row", "bytes"]
    assert picture[1].split()[1] == "░" * 30 + "█" * 30
    assert "░ file statistics" in picture[4]
    assert "· other partition" not in picture[4]
    assert lines[-1].startswith("1 row;")
    assert f"{told['bytes']['read']:,} bytes in {told['requests']} requests" in lines[-1]


def test_scan_at_a_time_reads_the_version_of_then(lake: str) -> None:
    assert ids_of(call_json("scan", lake, "--at", "2999-01-01")) == list(range(20))
    assert "not there yet" in call("scan", lake, "--at", "2001-01-01T00:00:00Z").stderr
    assert call("scan", lake, "--at", "noon").exit_code == 2
    assert call("scan", lake, "--at", "2999-01-01", "--version", 0).exit_code == 2


def test_scan_explain_with_a_limit_reads_no_further(local: Store) -> None:
    for number in range(40):
        land(local, f"{number:02}.ndjson", *events(number * 10, number * 10 + 10))
    pipeline = a_pipeline(local, COLUMNS, source={"max_files_per_batch": 1})
    run(pipeline, SETTINGS)

    whole = call_json("scan", pipeline.table.uri, "--explain")
    some = call_json("scan", pipeline.table.uri, "--explain", "--limit", "3")

    assert (whole["rows"], some["rows"]) == (400, 3)
    assert whole["bytes"]["read"] > some["bytes"]["read"]
