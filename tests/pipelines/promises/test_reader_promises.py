"""Promises to readers: judged after each commit, told, and never in the way of a batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from config.pipeline import Pipeline
from pipelines.promises.check import promises
from pipelines.reports.validation import validate
from pipelines.run import run
from storage.skipping.reader import read_table
from storage.skipping.share import some_rows
from tests.conftest import Store
from tests.pipelines.cli.calling import call
from tests.pipelines.taking_in import ROOT, SETTINGS, a_pipeline, events, land

COLUMNS = {"id": "int64!", "kind": "string", "actor": {"id": "int64", "login": "string"}}


def promising(store: Store, *readers: tuple[str, str], **table: Any) -> Pipeline:
    return a_pipeline(
        store,
        COLUMNS,
        table={"sort_by": ["id"], "layout": {"row_group_rows": 1024}, **table},
        readers=[{"where": where, "at_most": share} for where, share in readers],
    )


def test_run_with_a_promise_tells_whether_the_layout_keeps_it(store: Store) -> None:
    land(store, "a.ndjson", *events(0, 20_000))
    pipeline = promising(store, ("id = ?", "10%"), ("actor.id = ?", "10%"), ("id between ? and ?", "10%"))

    by_order, by_other, between = run(pipeline, SETTINGS).batches[0].readers

    assert (by_order.kept, by_order.problem, by_order.warning()) == (True, None, None)
    assert by_order.share is not None
    assert 0 < by_order.share < 0.06
    assert (by_other.kept, by_other.share) == (False, 1.0)
    assert "actor.id = ? reads 100.00% of the table" in (by_other.warning() or "")
    assert between.kept


def test_run_with_a_promise_on_small_tables_does_not_judge_what_no_layout_can_keep(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 100))

    (promise,) = run(promising(local, ("id = ?", "5%")), SETTINGS).batches[0].readers

    assert (promise.kept, promise.share, promise.warning()) == (None, 1.0, None)


def test_run_with_a_promise_that_drifts_warns_and_takes_the_batch_in(local: Store) -> None:
    pipeline = promising(local, ("id = ?", "20%"))
    for number in range(6):
        land(local, f"{number}.ndjson", *events(0, 2000))
        last = run(pipeline, SETTINGS).batches[-1]

    assert last.rows_written == 2000
    assert [one.kept for one in last.readers] == [False]
    assert promises(pipeline) == last.readers


def test_run_with_a_promise_that_cannot_be_checked_takes_the_batch_in_and_says_so(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 10))
    pipeline = promising(local, ("nope = ?", "5%"), ("id = = ?", "5%"))

    (batch,) = run(pipeline, SETTINGS).batches

    assert batch.rows_written == 10
    assert [one.kept for one in batch.readers] == [None, None]
    assert all("cannot be checked" in (one.warning() or "") for one in batch.readers)


@pytest.mark.parametrize(
    "where",
    ["nope = ?", "actor.nope = ?", "id = ", "? = ?", "id in (select 1)", "kind = '?' and nope = 1", "id"],
)
def test_validate_a_promise_that_does_not_fit_the_table_says_so(where: str, local: Store) -> None:
    found = validate(promising(local, (where, "5%")))

    assert len(found.problems) == 1


@pytest.mark.parametrize(
    "where", ["id = ?", "kind = '?'", "actor.login = ? and id > ?", "id between ? and 7", "kind is null"]
)
def test_validate_a_promise_that_fits_the_table_finds_nothing_wrong(where: str, local: Store) -> None:
    assert validate(promising(local, (where, "5%"))).problems == ()


def test_sample_values_gives_the_same_ones_each_time_and_values_that_are_there(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 5000))
    pipeline = promising(local)
    run(pipeline, SETTINGS)
    reader = read_table(pipeline.table.uri)

    found = some_rows(reader, [("id",), ("actor", "login")])

    assert found.height == 2
    assert found.equals(some_rows(reader, [("id",), ("actor", "login")]))
    assert set(found["0"]) <= set(range(5000))
    assert found["1"].to_list() == ["a", "a"]


def test_promise_on_every_type_is_judged(local: Store) -> None:
    columns = {"id": "int64!", "t": "string", "d": "decimal(10,2)", "day": "date", "at": "timestamp[us, UTC]",
               "local": "timestamp[us]", "share": "float64", "yes": "bool"}  # fmt: skip
    record = (
        b'{"id": 1, "t": "it\'s ?", "d": 1.50, "day": "2026-01-05", "at": "2026-01-05T12:00:00.5Z", '
        b'"local": "2026-01-05T12:00:00", "share": 0.1, "yes": true}'
    )
    land(local, "a.ndjson", record)
    names = [name for name in columns if name != "id"]
    readers = [{"where": f"{name} = ?", "at_most": "50%"} for name in names]

    (batch,) = run(a_pipeline(local, columns, readers=readers), SETTINGS).batches

    assert [(one.share, one.problem) for one in batch.readers] == [(1.0, None)] * len(names)


def test_run_command_warns_on_standard_error_and_tells_json(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "a.ndjson").write_bytes(b"\n".join(events(0, 5000)))
    spec = tmp_path / "events.yaml"
    spec.write_text(
        f"name: events\nsource: {{uri: {landing}}}\ncontract: {{columns: {{id: int64, kind: string}}}}\n"
        f"table: {{uri: {tmp_path}/lake, layout: {{row_group_rows: 1024}}}}\n"
        'readers:\n- {where: "kind = ?", at_most: 40%}\n'
    )

    result = call("run", spec, "--json")

    assert result.exit_code == 0
    assert "warning: readers: kind = ? reads 100.00% of the table" in result.stderr
    told = pl.read_json(result.stdout.encode())["batches"][0].struct.field("readers")[0]
    assert told.struct.field("kept").to_list() == [False]


def test_run_without_promises_imports_nothing_for_them() -> None:
    asked = "import sys, pipelines.cli.run_command; print('storage.skipping.reader' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
