"""Pipelines that upsert, insert new rows and replace: what a user sees of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.pipeline import Pipeline
from pipelines.batch.committing import commit_batch, commit_refused, commit_rows
from pipelines.batch.planning import plan_batch
from pipelines.batch.writing import write_batch
from pipelines.replay import replay
from pipelines.reports.history import history
from pipelines.reports.validation import validate
from pipelines.run import run
from pipelines.written_batch import WrittenBatch
from storage.create_only import create_only
from storage.errors import ConcurrentRunError, TableSchemaError, UnavailableError
from tests.conftest import Store
from tests.pipelines.merging import (
    EXPECTED,
    MODES,
    Mode,
    land_three_overlapping,
    merging_pipeline,
    outcome,
    record,
)
from tests.pipelines.racing_run import FASTER
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    land,
    penstock,
    proof_of,
    raws,
    reasons,
    refused,
    run_and_prove,
    table,
    violated,
)
from tests.processes import start


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layout", [{}, {"sort_by": []}, {"partition_by": []}])
def test_run_of_three_overlapping_files_leaves_what_the_mode_says(
    store: Store, mode: Mode, layout: dict[str, Any]
) -> None:
    land_three_overlapping(store)
    pipeline = merging_pipeline(store, mode, **layout)

    run_and_prove(pipeline)

    y = [
        row for row in EXPECTED[mode] if row[0] == "y" and (mode, layout) != ("replace", {"partition_by": []})
    ]
    assert outcome(pipeline) == [row for row in EXPECTED[mode] if row[0] == "x"] + y


def test_run_counts_rows_that_lost_as_duplicates(local: Store) -> None:
    land_three_overlapping(local)

    batches = {mode: run_and_prove(other(local, mode)).batches for mode in MODES}

    counts = {
        mode: [(one.rows_written, one.rows_duplicate, one.rows_quarantined) for one in found]
        for mode, found in batches.items()
    }
    assert counts == {
        "upsert": [(11, 0, 0), (8, 3, 2), (4, 0, 0)],
        "insert_new": [(11, 0, 0), (3, 8, 2), (1, 3, 0)],
        "replace": [(11, 0, 0), (12, 0, 1), (4, 0, 0)],
    }


def other(store: Store, mode: Mode) -> Pipeline:
    """A table of its own for each mode."""
    return merging_pipeline(store, mode, uri=store.at(f"lake/{mode}"))


def test_run_says_merge_in_the_history(local: Store) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, "upsert")
    run(pipeline, SETTINGS)

    found = [(one.operation, one.batch, one.rows) for one in history(pipeline.table.uri)]

    assert found == [("MERGE", 3, 4), ("MERGE", 2, 8), ("MERGE", 1, 11), ("CREATE TABLE", None, None)]


def test_run_of_a_record_without_a_key_quarantines_the_record(local: Store) -> None:
    land(local, "a.ndjson", b'{"part": "x"}', b'{"id": 1}', record("x", 1, 1, "v"))
    pipeline = merging_pipeline(local, "upsert")

    run_and_prove(pipeline)

    assert reasons(pipeline) == [("null_key", "id"), ("null_key", "part")]
    assert raws(pipeline) == [b'{"part": "x"}', b'{"id": 1}']
    assert refused(pipeline)["record"].to_list() == [1, 2]


def test_run_of_a_row_that_transforms_leave_without_a_key_quarantines_the_row(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": null, "n": 7}', b'{"id": 2}', b'{"id": 0}')
    steps = [
        {"sql": "select nullif(id, 0) as id, n from self"},
        {"sql": "select coalesce(id, n) as id from self"},
    ]
    pipeline = a_pipeline(
        local, {"id": "int64", "n": "int64"}, table={"mode": "insert_new", "key": ["id"]}, transforms=steps
    )

    run_and_prove(pipeline)

    assert sorted(table(pipeline)["id"]) == [2, 7]
    assert reasons(pipeline) == [("null_key", "id")]
    assert raws(pipeline) == [b"{}"]


def test_run_by_a_key_inside_of_a_struct_that_is_null_quarantines_the_record(local: Store) -> None:
    columns = {"who": {"id": "int64", "name": "string"}, "n": "int64"}
    lines = [
        b'{"who": {"id": 1}, "n": 1}',
        b'{"who": null, "n": 2}',
        b'{"who": {"id": 1}, "n": 3}',
        b'{"n": 4}',
    ]
    land(local, "a.ndjson", *lines)
    pipeline = a_pipeline(local, columns, table={"mode": "upsert", "key": ["who.id"], "sort_by": ["n"]})

    run_and_prove(pipeline)

    assert table(pipeline)["n"].to_list() == [3]
    assert reasons(pipeline) == [("null_key", "who.id")] * 2


@pytest.mark.parametrize("mode", ["upsert", "insert_new"])
def test_replay_of_records_in_these_modes_takes_them_in_once(local: Store, mode: Any) -> None:
    lines = [b'{"id": 1, "n": "9"}', b'{"id": 2, "n": "9"}', b'{"id": 1, "n": 1}']
    land(local, "a.ndjson", *lines)
    strict = a_pipeline(local, {"id": "int64", "n": "int64"}, table={"mode": mode, "key": ["id"]})
    wide = a_pipeline(
        local,
        {"id": "int64", "n": "json"},
        transforms=[{"sql": "select id, cast(replace(n, '\"', '') as bigint) as n from self"}],
        table={"mode": mode, "key": ["id"]},
    )
    run_and_prove(strict)

    summary = replay(wide, SETTINGS)

    assert summary.taken_in == 2
    assert proof_of(wide).violations == ()
    expected = {"upsert": [(1, 9), (2, 9)], "insert_new": [(1, 1), (2, 9)]}
    assert sorted(table(wide).select("id", "n").rows()) == expected[mode]
    assert replay(wide, SETTINGS).batches == ()


@pytest.mark.parametrize("mode", MODES)
def test_run_that_meets_new_fields_adds_columns_and_merges(local: Store, mode: Mode) -> None:
    land(local, "a.ndjson", b'{"id": 1, "n": 1}', b'{"id": 2, "n": 1}')
    land(local, "b.ndjson", b'{"id": 2, "n": 2, "new": "x"}', b'{"id": 3, "n": 2}')
    options = {"mode": mode} | ({"key": ["id"]} if mode != "replace" else {})
    pipeline = a_pipeline(
        local, {"id": "int64", "n": "int64"}, source={"max_files_per_batch": 1},
        contract={"on_new_column": "add"}, table=options,
    )  # fmt: skip

    run_and_prove(pipeline)

    expected = {
        "upsert": [(1, 1, None), (2, 2, "x"), (3, 2, None)],
        "insert_new": [(1, 1, None), (2, 1, None), (3, 2, None)],
        "replace": [(2, 2, "x"), (3, 2, None)],
    }
    assert sorted(table(pipeline).select("id", "n", "new").rows()) == expected[mode]


def test_run_with_a_wider_contract_rewrites_the_table_and_merges(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "n": 1}', b'{"id": 2, "n": 1}')
    narrow, wide = (
        a_pipeline(local, {"id": kind, "n": kind}, table={"mode": "upsert", "key": ["id"]})
        for kind in ("int32", "int64")
    )
    run_and_prove(narrow)
    land(local, "b.ndjson", b'{"id": 2, "n": 3000000000}', b'{"id": 3000000000, "n": 2}')

    run_and_prove(wide)

    rows = sorted(table(wide).select("id", "n").rows())
    assert rows == [(1, 1), (2, 3_000_000_000), (3_000_000_000, 2)]


def written(pipeline: Pipeline) -> WrittenBatch:
    planned = plan_batch(pipeline)
    assert planned is not None
    return write_batch(pipeline, planned, SETTINGS)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("before", [0, 1])
def test_commit_of_rows_whose_quarantine_is_taken_over_refuses(local: Store, mode: Mode, before: int) -> None:
    if before:
        land(local, "0.ndjson", record("x", 1, 1, "old"))
        run_and_prove(merging_pipeline(local, mode))
    land(local, "a.ndjson", record("x", 1, 2, "new"), record("x", 2, 2, "new"))
    check = {"name": "one", "expect": "id = 1", "action": "quarantine"}
    slow = merging_pipeline(local, mode).model_copy(update={"expectations": ()})
    fast = Pipeline.model_validate(slow.model_dump(by_alias=True) | {"expectations": [check]})
    ours, theirs = written(slow), written(fast)
    opened = commit_refused(slow, ours)

    commit_batch(fast, theirs)
    with pytest.raises(ConcurrentRunError):
        commit_rows(slow, ours, opened)

    assert proof_of(fast).violations == ()
    assert {row[1] for row in outcome(fast)} == {1}
    assert len(raws(fast)) == 1


@pytest.mark.parametrize("faster", [0, 1])
def test_run_overtaken_at_its_merge_leaves_no_file_behind(local: Store, faster: int) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, "upsert")
    both = [written(pipeline), written(pipeline)]

    commit_batch(pipeline, both[faster])
    with pytest.raises(ConcurrentRunError, match="nothing is lost"):
        commit_batch(pipeline, both[1 - faster])

    assert len(list(Path(pipeline.table.uri).glob("part=*/*.parquet"))) == 2
    run_and_prove(pipeline)
    assert outcome(pipeline) == EXPECTED["upsert"]


@pytest.mark.parametrize("mode", MODES)
def test_run_answers_of_all_merges_lost_finishes_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    land_three_overlapping(store)

    def lost(uri: str, data: bytes) -> bool:
        assert create_only(uri, data)
        raise UnavailableError("the answer got lost")

    with monkeypatch.context() as fault:
        fault.setattr("storage.tables.replacing.replacement.create_only", lost)
        pipeline = merging_pipeline(store, mode)
        run_and_prove(pipeline)

    assert outcome(pipeline) == EXPECTED[mode]


def racing(pipelines: list[Pipeline], begin: Path) -> list[tuple[int | None, str]]:
    """How processes end that run all of them at once, and what they say."""
    specs = [one.model_dump_json(by_alias=True) for one in pipelines]
    running = [start("pipelines.racing_run", spec, str(begin)) for spec in specs]
    begin.touch()
    return [one.ended() for one in running]


def test_run_of_two_pipelines_upserting_the_same_keys_keeps_one_row_a_key(
    store: Store, tmp_path: Path
) -> None:
    sources = []
    for name in ("left", "right"):
        for number in range(4):
            rows = (record("x", key, number, name) for key in range(number, number + 20))
            land(store, f"{name}/{number}.ndjson", *rows)
        one = merging_pipeline(store, "upsert", name)
        uri = {"uri": store.at(f"landing/{name}")}
        sources.append(one.model_copy(update={"source": one.source.model_copy(update=uri)}))

    ended = racing(sources, tmp_path / "start")

    assert [status for status, _ in ended] == [0, 0], ended
    for one in sources:
        assert proof_of(one).violations == ()
    found = outcome(sources[0])
    assert [(row[1], row[2]) for row in found] == [(key, min(key, 3)) for key in range(23)]


@pytest.mark.parametrize("mode", MODES)
def test_run_of_two_processes_at_once_gives_what_one_gives(local: Store, tmp_path: Path, mode: Mode) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, mode)

    ended = racing([pipeline] * 2, tmp_path / "start")

    assert {status for status, _ in ended} <= {0, FASTER}, ended
    run_and_prove(pipeline)
    assert outcome(pipeline) == EXPECTED[mode]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key": ["nope"]}, "table.key, 'nope'"),
        ({"key": ["n"], "order_by": ["nope"]}, "table.order_by, 'nope'"),
        ({"key": ["many"]}, "table.key, 'many'"),
    ],
)
def test_validate_of_a_key_that_the_transforms_do_not_give_says_so(
    local: Store, options: dict[str, Any], said: str
) -> None:
    pipeline = a_pipeline(
        local,
        {"id": "int64", "many": ["int64"]},
        transforms=[{"sql": "select id as n, many from self"}],
        table={"mode": "upsert", **options},
    )

    (problem,) = validate(pipeline).problems
    assert said in str(problem)

    land(local, "a.ndjson", b'{"id": 1}')
    with pytest.raises(TableSchemaError, match=said):
        run(pipeline, SETTINGS)


def test_validate_of_an_upsert_into_a_table_that_is_append_only_says_so(local: Store) -> None:
    from deltalake import DeltaTable

    land_three_overlapping(local)
    pipeline = merging_pipeline(local, "upsert")
    run(pipeline, SETTINGS)
    DeltaTable(pipeline.table.uri).alter.set_table_properties({"delta.appendOnly": "true"})

    (problem,) = validate(pipeline).problems

    assert "delta.appendOnly" in str(problem)


def edit_batch(pipeline: Pipeline, version: int, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Changes the actions of a commit of the data table."""
    path = Path(pipeline.table.uri, "_delta_log", f"{version:020}.json")
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    change(actions)
    path.write_text("".join(json.dumps(action) + "\n" for action in actions))


@pytest.mark.parametrize(
    "mode", ["upsert", *(pytest.param(one, marks=pytest.mark.long) for one in MODES[1:])]
)
@pytest.mark.parametrize(
    "count", ["inserted", "updated", "superseded", "older", "existing", "replaced", "mode", "all"]
)
def test_prove_changed_counts_of_a_merge_finds_them(local: Store, mode: Mode, count: str) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, mode)
    run_and_prove(pipeline)

    def change(actions: list[dict[str, Any]]) -> None:
        metadata = actions[0]["commitInfo"]["penstock"]["metadata"]
        if count == "all":
            del metadata["merge"]
        elif count == "mode":
            metadata["merge"]["mode"] = "replace" if mode != "replace" else "insert_new"
        else:
            metadata["merge"][count] += 1

    edit_batch(pipeline, 2, change)

    assert {one for one, _ in violated(proof_of(pipeline))} == {2}


def test_prove_a_file_that_a_merge_did_not_take_out_finds_it(local: Store) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, "upsert")
    run(pipeline, SETTINGS)

    edit_batch(pipeline, 2, lambda actions: actions.remove(next(one for one in actions if "remove" in one)))

    assert (2, "rows that the table grows by") in violated(proof_of(pipeline))


def test_run_command_shows_rows_that_lost(local: Store, tmp_path: Path) -> None:
    land_three_overlapping(local)
    spec = tmp_path / "events.json"
    spec.write_text(merging_pipeline(local, "upsert").model_dump_json(by_alias=True))

    done = penstock("run", spec, "--json")

    found = json.loads(done.stdout)
    assert [(one["rows_written"], one["rows_duplicate"]) for one in found["batches"]] == [
        (11, 0),
        (8, 3),
        (4, 0),
    ]
