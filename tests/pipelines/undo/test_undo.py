"""An undone batch leaves no row and no open record behind, and its files can be taken in again, once."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from config.pipeline import Pipeline
from pipelines.batch.planning import plan_batch
from pipelines.errors import UndoError
from pipelines.reports.status import status
from pipelines.run import run
from pipelines.undo import undo
from storage.errors import IrreversibleError
from storage.filesystem import delta_storage_options
from storage.tables.delta import open_table
from storage.tables.ledger.planned import LEDGER_SCHEMA, ledger_uri
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    event,
    events,
    ids,
    land,
    proof_of,
    raws,
    refused,
    run_and_prove,
    table,
)
from tests.pipelines.undoing import land_three, one_file_a_batch, replay_and_prove, undo_and_prove


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_undo_takes_out_the_batch_and_run_takes_it_in_again(store: Store, batch: int) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run_and_prove(pipeline)

    done = undo_and_prove(pipeline, batch)

    gone = set(range(10 * batch - 10, 10 * batch))
    assert (done.batch, done.undoes, done.files, done.rows_removed) == (4, batch, 1, 10)
    assert (done.table_version, done.done_before) == (3, False)
    assert ids(pipeline) == sorted(set(range(30)) - gone)
    assert sorted(raws(pipeline)) == sorted({b"bad 0", b"bad 1", b"bad 2"} - {b"bad %d" % (batch - 1)})
    (again,) = run_and_prove(pipeline).batches
    assert (again.batch, again.rows_written, again.rows_quarantined) == (5, 10, 1)
    assert ids(pipeline) == list(range(30))
    assert sorted(raws(pipeline)) == [b"bad 0", b"bad 1", b"bad 2"]


def test_undo_again_does_nothing_and_tells_what_was_done(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    first = undo_and_prove(pipeline, 2)
    version = open_table(pipeline.table.uri).version()  # type: ignore[union-attr]

    again = undo_and_prove(pipeline, 2)

    assert again.done_before
    assert {**again.as_dict(), "done_before": False} == first.as_dict()
    assert open_table(pipeline.table.uri).version() == version  # type: ignore[union-attr]


def test_undo_of_what_was_taken_in_again_works_too(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)

    for batch in (1, 5, 7):
        undo_and_prove(pipeline, batch)
        assert ids(pipeline) == list(range(10, 30))
        run_and_prove(pipeline)
        assert ids(pipeline) == list(range(30))

    assert [one.undone_by for one in proof_of(pipeline).batches] == [
        4,
        None,
        None,
        None,
        6,
        None,
        8,
        None,
        None,
    ]


def test_undo_of_all_batches_leaves_nothing(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)

    for batch in (2, 1, 3):
        undo_and_prove(pipeline, batch)

    assert ids(pipeline) == []
    assert raws(pipeline) == []
    found = status(pipeline)
    assert (found.rows, found.waiting.files, found.quarantined) == (0, 3, {})


def test_undo_of_a_batch_without_rows_works(local: Store) -> None:
    land(local, "a.ndjson", b"bad")
    pipeline = a_pipeline(local)
    run_and_prove(pipeline)

    assert undo_and_prove(pipeline, 1).rows_removed == 0

    assert raws(pipeline) == []
    assert run_and_prove(pipeline).batches[0].rows_quarantined == 1


def test_undo_then_a_run_under_another_contract_takes_the_files_in_as_that_says(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "kind": "a"}', b'{"id": "2"}', b'{"id": 3}')
    run_and_prove(a_pipeline(local))
    undo_and_prove(a_pipeline(local), 1)
    checks = [{"name": "big", "expect": "id > 1", "action": "quarantine"}]

    run_and_prove(a_pipeline(local, expectations=checks))

    assert ids(a_pipeline(local)) == [3]
    assert raws(a_pipeline(local)) == [b'{"id": 1, "kind": "a"}', b'{"id": "2"}']


def test_undo_of_a_file_that_was_changed_since_lets_the_new_one_be_taken_in(local: Store) -> None:
    land(local, "a.ndjson", event(1))
    pipeline = a_pipeline(local)
    run_and_prove(pipeline)
    undo_and_prove(pipeline, 1)
    land(local, "a.ndjson", event(2), event(3))

    run_and_prove(pipeline)

    assert ids(pipeline) == [2, 3]


def test_undo_of_files_that_are_gone_takes_the_rows_out_all_the_same(local: Store) -> None:
    path = land(local, "a.ndjson", event(1))
    land(local, "b.ndjson", event(2))
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    Path(path).unlink()

    undo_and_prove(pipeline, 1)

    assert run_and_prove(pipeline).batches == ()
    assert ids(pipeline) == [2]


def test_undo_closes_rows_that_no_partition_held(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 3))
    step = [{"sql": f"select *, '{'x' * 2000}' as place from self"}]
    pipeline = a_pipeline(local, transforms=step, table={"partition_by": ["place"]})
    run_and_prove(pipeline)
    assert status(pipeline).quarantined == {"unstorable_partition_value": 3}

    undo_and_prove(pipeline, 1)

    assert status(pipeline).quarantined == {}


def test_undo_of_a_batch_that_is_not_there_says_which_are(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    with pytest.raises(UndoError, match="no such batch"):
        undo(pipeline, 1, SETTINGS)
    run(pipeline, SETTINGS)

    with pytest.raises(UndoError, match="no such batch") as caught:
        undo(pipeline, 4, SETTINGS)

    assert caught.value.expected == "1 to 3"


def test_undo_of_an_undo_is_refused(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    undo(pipeline, 2, SETTINGS)

    with pytest.raises(UndoError, match="cannot be undone itself") as caught:
        undo(pipeline, 4, SETTINGS)

    assert caught.value.got == "the undo of batch 2"


def test_undo_leaves_the_rows_of_another_pipeline_alone(local: Store) -> None:
    land_three(local)
    one, other = one_file_a_batch(local), one_file_a_batch(local, name="others")
    run_and_prove(one)
    run_and_prove(other)

    undo_and_prove(one, 2)

    assert ids(one) == sorted([*range(30), *range(10), *range(20, 30)])
    run_and_prove(other)
    run_and_prove(one)
    assert ids(one) == sorted([*range(30)] * 2)


def test_undo_of_a_batch_whose_rows_another_program_deleted_says_so(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    open_table(pipeline.table.uri).delete("id = 11")  # type: ignore[union-attr]

    with pytest.raises(IrreversibleError, match="written again") as caught:
        undo(pipeline, 2, SETTINGS)

    assert caught.value.got == "version 3, a DELETE"
    assert "version 2" in str(caught.value.next_step)
    run(pipeline, SETTINGS)  # nothing was planned that would stand in the way
    assert status(pipeline).planned is None


def test_undo_where_the_ledger_has_no_column_for_it_yet_adds_it(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    as_before(pipeline)

    assert run_and_prove(pipeline).batches == ()
    assert undo_and_prove(pipeline, 2).rows_removed == 10

    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(30))


def as_before(pipeline: Pipeline) -> None:
    """The ledger as an earlier version of Penstock made it."""
    uri = ledger_uri(pipeline.table.uri)
    for file in Path(uri).rglob("*.parquet"):
        pl.read_parquet(file, hive_partitioning=False).drop("undoes").write_parquet(file)
    for commit in Path(uri, "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in commit.read_text().splitlines()]
        for one in actions:
            if "metaData" in one:
                schema = json.loads(one["metaData"]["schemaString"])
                schema["fields"] = [field for field in schema["fields"] if field["name"] != "undoes"]
                one["metaData"]["schemaString"] = json.dumps(schema)
            if "add" in one:
                one["add"] |= {"size": Path(uri, one["add"]["path"]).stat().st_size, "stats": "{}"}
        commit.write_text("\n".join(map(json.dumps, actions)))
    assert "undoes" not in pl.read_delta(uri).columns
    assert "undoes" in LEDGER_SCHEMA


COLUMNS = {"id": "int64!", "n": "int32"}


def strict(store: Store) -> Pipeline:
    return a_pipeline(store, COLUMNS, source={"max_files_per_batch": 1})


def loose(store: Store) -> Pipeline:
    return a_pipeline(store, COLUMNS, source={"max_files_per_batch": 1}, contract={"on_mismatch": "rescue"})


def land_misfits(store: Store) -> None:
    """Two files, each with a good record, one that only the loose contract takes, and a bad one."""
    land(store, "a.ndjson", b'{"id": 1}', b'{"id": 2, "n": "x"}', b"bad 1")
    land(store, "b.ndjson", b'{"id": 3}', b'{"id": 4, "n": "x"}', b"bad 2")


def test_undo_of_a_replay_opens_its_records_again(store: Store) -> None:
    land_misfits(store)
    run_and_prove(strict(store))
    before = refused(strict(store))
    replay_and_prove(loose(store))
    assert ids(loose(store)) == [1, 2, 3, 4]

    undo_and_prove(strict(store), 3)

    assert ids(loose(store)) == [1, 3, 4]
    assert refused(strict(store)).filter(batch=1).equals(before.filter(batch=1))
    assert replay_and_prove(loose(store)).taken_in == 1
    assert ids(loose(store)) == [1, 2, 3, 4]
    assert run_and_prove(loose(store)).batches == ()


def test_undo_of_a_batch_whose_records_were_replayed_wants_that_undone_first(local: Store) -> None:
    land_misfits(local)
    run_and_prove(strict(local))
    replay_and_prove(loose(local))

    with pytest.raises(UndoError, match="taken in since") as caught:
        undo(loose(local), 1, SETTINGS)
    assert caught.value.next_step == "undo that batch first: penstock undo PIPELINE --batch 3"

    undo_and_prove(loose(local), 3)
    undo_and_prove(loose(local), 1)
    assert ids(loose(local)) == [3, 4]
    assert raws(loose(local)) == [b"bad 2"]
    assert replay_and_prove(loose(local)).taken_in == 0
    run_and_prove(loose(local))
    assert ids(loose(local)) == [1, 2, 3, 4]


def test_undo_keeps_replay_away_from_what_the_batch_refused(local: Store) -> None:
    land_misfits(local)
    run_and_prove(strict(local))
    undo_and_prove(strict(local), 1)

    summary = replay_and_prove(loose(local))

    assert (summary.open, summary.taken_in) == (2, 1)
    assert ids(loose(local)) == [3, 4]


def test_undo_finishes_what_a_run_has_left_first(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS, max_batches=2)
    assert plan_batch(pipeline) is not None

    done = undo_and_prove(pipeline, 1)

    assert (done.batch, done.undoes) == (4, 1)
    assert ids(pipeline) == list(range(10, 30))


def test_undo_of_partitions_with_awkward_names_finds_their_files(store: Store) -> None:
    kinds = ["a b", "ü%20=", "c/d", "'q\"", "#?&+", "x" * 40]
    lines = [f'{{"id": {number}, "kind": {quoted(kind)}}}'.encode() for number, kind in enumerate(kinds)]
    land(store, "a.ndjson", *lines)
    land(store, "b.ndjson", *lines)
    pipeline = one_file_a_batch(store, table={"partition_by": ["kind"]})
    run_and_prove(pipeline)
    open_table(pipeline.table.uri).optimize.compact()  # type: ignore[union-attr]

    undo_and_prove(pipeline, 1)

    assert ids(pipeline) == list(range(6))
    run_and_prove(pipeline)
    assert sorted(table(pipeline)["kind"]) == sorted(kinds * 2)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def test_undo_is_seen_by_other_readers(store: Store) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run(pipeline, SETTINGS)
    undo(pipeline, 2, SETTINGS)

    uri = pipeline.table.uri
    opened = open_table(uri)
    assert opened is not None
    opened.create_checkpoint()
    rows = pl.scan_delta(uri, storage_options=delta_storage_options(uri) or None)
    assert rows.select(pl.len()).collect().item() == 20
    assert opened.to_pyarrow_table().num_rows == 20
    assert run_and_prove(pipeline).batches[0].batch == 5
