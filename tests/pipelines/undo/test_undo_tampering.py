"""The proof finds whatever is tampered with where a batch was undone, and says where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from config.pipeline import Pipeline
from pipelines.run import run
from pipelines.undo import undo
from storage.tables.ledger.planned import ledger_uri
from storage.tables.quarantine.records import quarantine_uri
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, proof_of, violated
from tests.pipelines.undoing import land_three, one_file_a_batch


@pytest.fixture
def undone(local: Store) -> Pipeline:
    """Batch 4 undid batch 2, after a compaction of 1 to 3; batch 5 took its file in again."""
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    DeltaTable(pipeline.table.uri).optimize.compact()
    undo(pipeline, 2, SETTINGS)
    run(pipeline, SETTINGS)
    assert proof_of(pipeline).ok
    return pipeline


def test_prove_undo_lost_from_the_ledger_finds_the_files_taken_in_twice(undone: Pipeline) -> None:
    DeltaTable(ledger_uri(undone.table.uri)).delete("undoes = 2")

    found = violated(proof_of(undone))

    assert (4, "files in the ledger") in found
    assert (4, "batches marked as undone in the quarantine") in found
    assert any(batch == 5 and "is in the ledger" in what for batch, what in found)


def test_prove_undo_of_itself_in_the_ledger_finds_it(undone: Pipeline) -> None:
    DeltaTable(ledger_uri(undone.table.uri)).update(updates={"undoes": "4"}, predicate="undoes = 2")

    assert (4, "batch that it undoes") in violated(proof_of(undone))


@pytest.mark.parametrize("named", [1, 3, 7])
def test_prove_undo_of_another_batch_in_the_ledger_finds_it(undone: Pipeline, named: int) -> None:
    DeltaTable(ledger_uri(undone.table.uri)).update(updates={"undoes": str(named)}, predicate="undoes = 2")

    found = violated(proof_of(undone))

    assert (4, f"files in the ledger, as of batch {named}, which it undoes") in found
    assert (4, "batches marked as undone in the quarantine") in found
    assert (4, "batch that the commit undoes") in found


def test_prove_batch_undone_twice_in_the_ledger_finds_it(undone: Pipeline) -> None:
    uri = ledger_uri(undone.table.uri)
    rows = pl.read_delta(uri).filter(undoes=2).with_columns(batch=pl.lit(6, pl.Int64))
    write_deltalake(uri, rows.to_arrow(), mode="append")

    assert (6, "batch that it undoes") in violated(proof_of(undone))


def test_prove_undone_marker_lost_finds_it(undone: Pipeline) -> None:
    DeltaTable(quarantine_uri(undone.table.uri)).delete("reason = 'undone'")

    assert violated(proof_of(undone)) == [(4, "batches marked as undone in the quarantine")]


def test_prove_undone_marker_doubled_finds_it(undone: Pipeline) -> None:
    uri = quarantine_uri(undone.table.uri)
    write_deltalake(uri, pl.read_delta(uri).filter(reason="undone").to_arrow(), mode="append")

    assert violated(proof_of(undone)) == [(4, "batches marked as undone in the quarantine")]


@pytest.mark.parametrize("by", [3, 6, 9])
def test_prove_undone_marker_of_a_batch_that_undoes_nothing_finds_it(undone: Pipeline, by: int) -> None:
    uri = quarantine_uri(undone.table.uri)
    marker = pl.read_delta(uri).filter(reason="undone").with_columns(
        batch=pl.lit(by, pl.Int64), replays=pl.lit(1, pl.Int64)
    )  # fmt: skip
    write_deltalake(uri, marker.to_arrow(), mode="append")

    found = violated(proof_of(undone))

    expected = [] if by == 6 else [(by, "batches marked as undone in the quarantine")]
    assert found == expected  # of batch 6 it may be what an attempt left that died


def rewrite_undo(pipeline: Pipeline, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Changes the actions of the commit that undid batch 2."""
    (log,) = [
        one for one in Path(pipeline.table.uri, "_delta_log").glob("*.json") if '"RESTORE"' in one.read_text()
    ]
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    change(actions)
    log.write_text("\n".join(map(json.dumps, actions)))


def test_prove_undo_that_puts_back_other_rows_finds_the_files(undone: Pipeline) -> None:
    """Batch 2's file comes back in place of that of batch 3, which has as many rows."""

    def swap(actions: list[dict[str, Any]]) -> None:
        second = next(Path(undone.table.uri).glob("batch-2-*.parquet")).name
        for one in actions:
            if "add" in one and one["add"]["path"].startswith("batch-3-"):
                one["add"] |= {"path": second, "size": Path(undone.table.uri, second).stat().st_size}

    rewrite_undo(undone, swap)

    found = proof_of(undone).violations
    assert {(one.batch, one.what) for one in found} == {
        (4, "rows of the data file, which the undo takes out or brings back")
    }
    assert [str(one.file).split("-")[1] for one in found] == ["2", "3"]


@pytest.mark.parametrize("again", [True, False])
def test_prove_undo_that_puts_the_batch_back_itself_finds_it(undone: Pipeline, again: bool) -> None:
    """Batch 2's file comes back too, or instead of nothing: the table has ten rows twice then."""

    def add(actions: list[dict[str, Any]]) -> None:
        second = next(Path(undone.table.uri).glob("batch-2-*.parquet"))
        adds = [one["add"] for one in actions if "add" in one]
        actions.append({"add": {**adds[0], "path": second.name, "size": second.stat().st_size}})
        if not again:
            actions[:] = [one for one in actions if one.get("add") is not adds[0]]

    rewrite_undo(undone, add)

    found = violated(proof_of(undone))
    assert (4, "rows of the data file, which the undo takes out or brings back") in found
    assert ((4, "rows that it adds to the table, less those that it removes") in found) == again


def test_prove_undo_that_names_another_batch_finds_it(undone: Pipeline) -> None:
    def rename(actions: list[dict[str, Any]]) -> None:
        actions[0]["commitInfo"]["penstock"]["metadata"]["undoes"] = 3

    rewrite_undo(undone, rename)

    assert violated(proof_of(undone)) == [(4, "batch that the commit undoes")]


def test_prove_undo_without_its_transaction_finds_it(undone: Pipeline) -> None:
    def strip(actions: list[dict[str, Any]]) -> None:
        actions[:] = [one for one in actions if "txn" not in one]

    rewrite_undo(undone, strip)

    assert violated(proof_of(undone)) == [(4, "transaction of version 4")]


def test_prove_commit_that_only_claims_to_undo_finds_it(undone: Pipeline) -> None:
    """Whoever removes rows of a batch and calls that an undo is not in the ledger with it."""
    log = Path(undone.table.uri, "_delta_log", f"{DeltaTable(undone.table.uri).version():020}.json")
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for one in actions:
        if "commitInfo" in one:
            one["commitInfo"]["penstock"]["metadata"] = {"undoes": 1, "rows_removed": 10}
    log.write_text("\n".join(map(json.dumps, actions)))

    assert (5, "counts in the commit") in violated(proof_of(undone))


def test_prove_row_deleted_after_an_undo_finds_it(undone: Pipeline) -> None:
    DeltaTable(undone.table.uri).delete("id = 25")

    assert not proof_of(undone).ok


def test_prove_refused_record_of_an_undone_batch_deleted_finds_it(undone: Pipeline) -> None:
    DeltaTable(quarantine_uri(undone.table.uri)).delete("batch = 2")

    assert violated(proof_of(undone)) == [(2, "rows in the quarantine")]
