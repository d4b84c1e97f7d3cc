"""A rebuilt table holds what today's specification makes of all landed files, and the proof holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.backfill.rebuild import rebuild
from pipelines.errors import BackfillError, UndoError
from pipelines.maintain import maintain
from pipelines.reports.status import status
from pipelines.run import run
from pipelines.undo import undo
from storage.errors import IrreversibleError, TableError, TableSchemaError
from storage.tables.delta import open_table
from storage.tables.replacing.replacement import commit_replacement
from tests.conftest import Store
from tests.pipelines.backfill.rebuilding import fresh, hash_of, rebuild_and_prove
from tests.pipelines.merging import Mode, land_three_overlapping, merging_pipeline
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    event,
    events,
    full_pipeline,
    ids,
    land,
    land_every_fate,
    proof_of,
    raws,
    refused,
    run_and_prove,
    table,
)
from tests.pipelines.undoing import land_three, one_file_a_batch, replay_and_prove, undo_and_prove

LATER_MS = 4_000_000_000_000
"""When nobody writes to the table any more, in 2096."""


def test_rebuild_takes_all_files_in_again_in_one_commit(store: Store) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run_and_prove(pipeline)
    before = hash_of(pipeline)

    done = rebuild_and_prove(pipeline)

    (batch,) = done.batches
    assert (done.files, done.again, done.rows_removed) == (3, (1, 2, 3), 30)
    assert (batch.batch, batch.rows_written, batch.rows_quarantined, batch.table_version) == (4, 30, 3, 3)
    assert hash_of(pipeline) == before
    assert raws(pipeline) == [b"bad 0", b"bad 1", b"bad 2"]
    assert set(refused(pipeline)["batch"]) == {4}
    assert run_and_prove(pipeline).batches == ()
    assert [one.rebuilt_by for one in proof_of(pipeline).batches] == [4, 4, 4, None]


def test_rebuild_again_and_later_batches_follow(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    rebuild_and_prove(pipeline)
    land(local, "3.ndjson", *events(30, 40), b"bad 3")
    run_and_prove(pipeline)

    done = rebuild_and_prove(pipeline)

    assert (done.files, done.again, done.rows_removed) == (4, (4, 5), 40)
    assert ids(pipeline) == list(range(40))
    assert raws(pipeline) == [b"bad 0", b"bad 1", b"bad 2", b"bad 3"]


def test_rebuild_under_other_columns_and_partitions_changes_the_table(store: Store) -> None:
    land(store, "a.ndjson", b'{"id": 1, "kind": "a", "n": "7"}', b'{"id": 2, "kind": "b", "n": "x"}')
    land(store, "b.ndjson", b'{"id": 3, "kind": "a", "n": 9}')
    run_and_prove(one_file_a_batch(store, columns={"id": "int64!", "kind": "string", "n": "string"}))
    other = one_file_a_batch(
        store, columns={"n": "int32", "kind": "string", "id": "int64!"}, table={"partition_by": ["kind"]}
    )

    rebuild_and_prove(other)

    assert table(other).schema["n"] == pl.Int32
    assert hash_of(other) == hash_of(fresh(other))
    opened = open_table(other.table.uri)
    assert opened is not None
    assert opened.metadata().partition_columns == ["kind"]
    assert opened.to_pyarrow_table().num_rows == table(other).height
    land(store, "c.ndjson", b'{"id": 4, "kind": "c", "n": 1}')
    run_and_prove(other)
    assert 4 in ids(other)


def test_rebuild_with_times_without_a_zone_that_the_table_had_not(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "at": "2026-01-01T00:00:00"}')
    run_and_prove(a_pipeline(local, {"id": "int64", "at": "string"}))
    other = a_pipeline(local, {"id": "int64", "at": "timestamp[us]"})

    rebuild_and_prove(other)

    assert hash_of(other) == hash_of(fresh(other))


@pytest.mark.parametrize(
    "mode", ["insert_new", *(pytest.param(one, marks=pytest.mark.long) for one in ("upsert", "replace"))]
)
def test_rebuild_of_every_mode_gives_what_the_batches_gave(local: Store, mode: Mode) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, mode)
    run_and_prove(pipeline)
    before, open_before = hash_of(pipeline), sorted(raws(pipeline))

    rebuild_and_prove(pipeline)

    assert hash_of(pipeline) == before
    assert sorted(raws(pipeline)) == open_before
    assert status(pipeline).planned is None


@pytest.mark.s3
def test_rebuild_of_an_upsert_on_s3_gives_what_the_batches_gave(s3: Store) -> None:
    land_three_overlapping(s3)
    pipeline = merging_pipeline(s3, "upsert")
    run_and_prove(pipeline)
    before = hash_of(pipeline)

    rebuild_and_prove(pipeline)

    assert hash_of(pipeline) == before


def test_rebuild_keeps_what_a_batch_is_for_keys_and_steps(local: Store) -> None:
    land_every_fate(local)
    pipeline = full_pipeline(local)
    run_and_prove(pipeline)
    before = hash_of(pipeline)

    done = rebuild_and_prove(pipeline)

    assert hash_of(pipeline) == before
    assert done.batches[-1].rows_written == 37


def test_rebuild_with_a_step_over_whole_batches_runs_it_batch_by_batch(local: Store) -> None:
    for number in range(3):
        land(local, f"{number}.ndjson", *events(10 * number, 10 * number + 4))
    pipeline = one_file_a_batch(local, transforms=[{"sql": "select * from self order by id desc limit 2"}])
    run_and_prove(pipeline)

    rebuild_and_prove(pipeline)

    assert ids(pipeline) == [2, 3, 12, 13, 22, 23]


def test_rebuild_leaves_out_what_was_undone_and_the_next_run_takes_it_in(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    undo_and_prove(pipeline, 2)

    done = rebuild_and_prove(pipeline)

    assert (done.files, done.again) == (2, (1, 3))
    assert ids(pipeline) == [*range(10), *range(20, 30)]
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(30))
    undo_and_prove(pipeline, 6)
    assert ids(pipeline) == [*range(10), *range(20, 30)]


def test_rebuild_takes_in_what_was_replayed_and_replay_goes_on_with_the_rest(local: Store) -> None:
    columns = {"id": "int64!", "n": "int32"}
    land(local, "a.ndjson", b'{"id": 1}', b'{"id": 2, "n": "x"}', b"bad 1")
    strict = a_pipeline(local, columns)
    loose = a_pipeline(local, columns, contract={"on_mismatch": "rescue"})
    run_and_prove(strict)
    replay_and_prove(loose)

    rebuild_and_prove(strict)

    assert ids(strict) == [1]
    assert raws(strict) == [b'{"id": 2, "n": "x"}', b"bad 1"]
    assert replay_and_prove(loose).taken_in == 1
    assert ids(strict) == [1, 2]


def test_rebuild_after_a_compaction_takes_out_what_that_made(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    open_table(pipeline.table.uri).optimize.compact()  # type: ignore[union-attr]

    rebuild_and_prove(pipeline)

    assert ids(pipeline) == list(range(30))


def test_rebuild_where_files_are_gone_or_changed_says_which_and_changes_nothing(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    local.remove("landing/1.ndjson")
    land(local, "2.ndjson", event(99))

    with pytest.raises(BackfillError, match="lost") as caught:
        rebuild(pipeline, SETTINGS)

    assert "2 of 3 files gone or changed (1 changed)" in str(caught.value.got)
    assert "1.ndjson" in str(caught.value.got)
    assert status(pipeline).planned is None
    assert ids(pipeline) == list(range(30))


def test_rebuild_of_files_that_go_while_they_are_read_is_given_up(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    monkeypatch.setattr("pipelines.backfill.rebuild.check_landed", lambda *_: None)
    Path(local.at("landing/1.ndjson")).unlink()

    with pytest.raises(BackfillError, match="given up"):
        rebuild(pipeline, SETTINGS)

    assert status(pipeline).planned is None
    assert ids(pipeline) == list(range(30))
    assert proof_of(pipeline).violations == ()
    assert list(Path(local.at("lake/events")).glob("batch-4-*")) == []
    land(local, "9.ndjson", *events(90, 95))
    assert [one.batch for one in run_and_prove(pipeline).batches] == [4]


def test_rebuild_beside_rows_of_another_pipeline_leaves_them(local: Store) -> None:
    land_three(local)
    one, other = one_file_a_batch(local), one_file_a_batch(local, name="others")
    run_and_prove(one)
    run_and_prove(other)

    rebuild_and_prove(one)

    assert proof_of(other).violations == ()
    assert ids(one) == sorted([*range(30)] * 2)
    rebuild_and_prove(other)
    assert ids(one) == sorted([*range(30)] * 2)


def test_rebuild_where_rows_of_two_pipelines_share_files_is_refused(local: Store) -> None:
    land_three(local)
    one, other = one_file_a_batch(local), one_file_a_batch(local, name="others")
    run_and_prove(one)
    run_and_prove(other)
    open_table(one.table.uri).optimize.compact()  # type: ignore[union-attr]

    with pytest.raises(IrreversibleError, match="rows of others") as caught:
        rebuild(one, SETTINGS)

    assert "with rows of others" in str(caught.value.got)
    assert status(one).planned is None


def test_rebuild_that_would_bring_deleted_rows_back_is_refused(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    open_table(pipeline.table.uri).delete("id = 11")  # type: ignore[union-attr]

    with pytest.raises(IrreversibleError, match="another program has changed rows") as caught:
        rebuild(pipeline, SETTINGS)

    assert "version 3, a DELETE" in str(caught.value.got)
    assert status(pipeline).planned is None


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_rebuild_of_keys_beside_rows_of_others_is_refused(local: Store, mode: Mode) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, mode)
    run_and_prove(pipeline)
    row = pl.DataFrame({"part": ["z"], "id": [1], "at": [1], "value": ["other"]})
    row.write_delta(pipeline.table.uri, mode="append")

    with pytest.raises(IrreversibleError, match="rows of others are in the table"):
        rebuild(pipeline, SETTINGS)


def test_rebuild_of_nothing_says_so(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    with pytest.raises(BackfillError, match="nothing to rebuild"):
        rebuild(pipeline, SETTINGS)


def test_rebuild_dry_says_what_it_would_do_and_does_nothing(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)

    done = rebuild(pipeline, SETTINGS, dry_run=True)

    assert (done.dry_run, done.files, done.again, done.rows_removed) == (True, 3, (1, 2, 3), 30)
    assert done.batches == ()
    assert status(pipeline).planned is None
    assert open_table(pipeline.table.uri).version() == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("batch", [1, 4])
def test_undo_of_a_rebuild_or_of_what_it_rebuilt_is_refused(local: Store, batch: int) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    rebuild_and_prove(pipeline)

    with pytest.raises(UndoError, match="cannot be undone") as caught:
        undo(pipeline, batch, SETTINGS)

    assert caught.value.got == "rebuilt by batch 4"


def test_rebuild_gives_columns_that_records_brought_again(local: Store) -> None:
    options: dict[str, Any] = {"contract": {"on_new_column": "add"}}
    land(local, "a.ndjson", b'{"id": 1}')
    land(local, "b.ndjson", b'{"id": 2, "more": 7}')
    land(local, "c.ndjson", b'{"id": 3, "more": 8, "yet": "x"}')
    pipeline = one_file_a_batch(local, columns={"id": "int64!"}, **options)
    run_and_prove(pipeline)
    before = hash_of(pipeline)

    rebuild_and_prove(pipeline)

    assert hash_of(pipeline) == before
    other = one_file_a_batch(local, columns={"id": "string!"}, table={"key": ["id"]}, **options)
    land(local, "d.ndjson", b'{"id": "4", "again": true}')
    run(pipeline, SETTINGS)
    rebuild_and_prove(other)
    assert table(other)["again"].drop_nulls().to_list() == [True]


def test_rebuild_of_a_table_that_must_not_lose_rows_is_refused(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    open_table(pipeline.table.uri).alter.set_table_properties(  # type: ignore[union-attr]
        {"delta.appendOnly": "true"}
    )

    with pytest.raises(TableError, match="must not be"):
        rebuild(pipeline, SETTINGS)

    assert status(pipeline).planned is None


@pytest.mark.parametrize("change", ["columns", "partitions"])
def test_rebuild_beside_others_that_the_table_cannot_take_is_refused(local: Store, change: str) -> None:
    land_three(local)
    one, other = one_file_a_batch(local), one_file_a_batch(local, name="others")
    run_and_prove(one)
    run_and_prove(other)
    narrower = {"id": "string!", "kind": "string"} if change == "columns" else None
    today = one_file_a_batch(
        local, columns=narrower, table={"partition_by": ["kind"]} if change == "partitions" else {}
    )

    with pytest.raises(TableSchemaError):
        rebuild(today, SETTINGS)

    assert status(one).planned is None
    assert ids(one) == sorted([*range(30)] * 2)


def test_rebuild_that_others_make_impossible_while_it_commits_is_given_up(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(local)
    pipeline, other = one_file_a_batch(local), one_file_a_batch(local, name="others")
    run_and_prove(pipeline)
    narrower = one_file_a_batch(local, columns={"id": "string!", "kind": "string"})

    def late(*arguments: Any) -> int:
        monkeypatch.undo()
        run(other, SETTINGS)
        return commit_replacement(*arguments)

    monkeypatch.setattr("storage.tables.rebuilding.commit.commit_replacement", late)
    with pytest.raises(TableSchemaError):
        rebuild(narrower, SETTINGS)

    assert status(pipeline).planned is None
    assert ids(pipeline) == sorted([*range(30)] * 2)
    assert proof_of(pipeline).violations == proof_of(other).violations == ()


def test_rebuild_after_upkeep_takes_out_what_that_made(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    assert "done" in {one.state for one in maintain(pipeline, SETTINGS, ["compact"], now_ms=LATER_MS)}

    rebuild_and_prove(pipeline)

    assert ids(pipeline) == list(range(30))


def test_rebuild_after_the_table_grew_wider_types(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "n": 1}')
    run_and_prove(one_file_a_batch(local, columns={"id": "int64", "n": "int32"}))
    land(local, "b.ndjson", b'{"id": 2, "n": 5000000000}')
    wider = one_file_a_batch(local, columns={"id": "int64", "n": "int64"})
    run_and_prove(wider)
    before = hash_of(wider)

    rebuild_and_prove(wider)

    assert hash_of(wider) == before
