"""The proof finds whatever is tampered with where a table was rebuilt, and says where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from config.pipeline import Pipeline
from pipelines.backfill.rebuild import rebuild
from pipelines.run import run
from storage.tables.ledger.planned import ledger_uri
from storage.tables.quarantine.records import quarantine_uri
from tests.conftest import Store
from tests.pipelines.merging import land_three_overlapping, merging_pipeline
from tests.pipelines.taking_in import SETTINGS, proof_of, violated
from tests.pipelines.undoing import land_three, one_file_a_batch

FILES = "files in the ledger, as of the batches that it rebuilds, in their order"


@pytest.fixture
def rebuilt(local: Store) -> Pipeline:
    """Batch 4 rebuilt batches 1 to 3, in version 3."""
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    rebuild(pipeline, SETTINGS)
    assert proof_of(pipeline).ok
    return pipeline


def change_commit(pipeline: Pipeline, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Changes the actions of the rebuild's commit; None leaves one out."""
    file = Path(pipeline.table.uri, "_delta_log", f"{3:020}.json")
    actions = [change(json.loads(line)) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(one) + "\n" for one in actions if one is not None))


def metadata_with(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(action: dict[str, Any]) -> dict[str, Any]:
        if "commitInfo" in action:
            action["commitInfo"]["penstock"]["metadata"] |= changes
        return action

    return change


def test_prove_rebuild_lost_from_the_ledger_finds_it(rebuilt: Pipeline) -> None:
    DeltaTable(ledger_uri(rebuilt.table.uri)).delete("batch = 4")

    found = violated(proof_of(rebuilt))

    assert (4, "files in the ledger") in found
    assert (4, "rebuilds of the table, by the commit and by the ledger") in found


def test_prove_rebuild_without_one_of_the_files_finds_it(rebuilt: Pipeline) -> None:
    DeltaTable(ledger_uri(rebuilt.table.uri)).delete("batch = 4 and file = 1")

    assert (4, FILES) in violated(proof_of(rebuilt))


def test_prove_rebuild_with_files_in_another_order_finds_it(rebuilt: Pipeline) -> None:
    DeltaTable(ledger_uri(rebuilt.table.uri)).update(updates={"file": "2 - file"}, predicate="batch = 4")

    assert (4, FILES) in violated(proof_of(rebuilt))


def test_prove_rebuild_of_a_file_that_no_batch_took_finds_it(rebuilt: Pipeline) -> None:
    uri = ledger_uri(rebuilt.table.uri)
    row = pl.read_delta(uri).filter(batch=4, file=2)
    row = row.with_columns(file=pl.lit(3, pl.Int32), path=pl.lit("/elsewhere"))
    write_deltalake(uri, row.to_arrow(), mode="append")

    assert (4, FILES) in violated(proof_of(rebuilt))


@pytest.mark.parametrize("batches", ["3", "1, 2, 3"])
def test_prove_markers_of_a_rebuild_lost_finds_it(rebuilt: Pipeline, batches: str) -> None:
    DeltaTable(quarantine_uri(rebuilt.table.uri)).delete(f"reason = 'undone' and replays in ({batches})")

    assert violated(proof_of(rebuilt)) == [(4, "batches marked as undone in the quarantine")]


def test_prove_old_file_left_in_the_table_finds_it(rebuilt: Pipeline) -> None:
    left: list[str] = []

    def leave_one(action: dict[str, Any]) -> dict[str, Any] | None:
        if "remove" in action and not left:
            left.append(action["remove"]["path"])
            return None
        return action

    change_commit(rebuilt, leave_one)

    found = proof_of(rebuilt).violations

    assert (left[0], "data file after the rebuild") in [(one.file, one.what) for one in found]
    assert (4, "rows that the commit says it removes") in [(one.batch, one.what) for one in found]


def test_prove_new_file_left_out_of_the_commit_finds_it(rebuilt: Pipeline) -> None:
    change_commit(rebuilt, lambda action: None if "add" in action else action)

    assert (4, "rows out of the last step") in violated(proof_of(rebuilt))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rebuilds": 2}, "newest batch that the commit rebuilds"),
        ({"rows_removed": 29}, "rows that the commit says it removes"),
        ({"rows": 31}, "rows that the commit says it adds"),
    ],
)
def test_prove_other_counts_in_the_commit_finds_it(
    rebuilt: Pipeline, changes: dict[str, int], what: str
) -> None:
    change_commit(rebuilt, metadata_with(**changes))

    assert (4, what) in violated(proof_of(rebuilt))


def test_prove_commit_that_says_nothing_of_a_rebuild_finds_it(rebuilt: Pipeline) -> None:
    def forget(action: dict[str, Any]) -> dict[str, Any]:
        if "commitInfo" in action:
            del action["commitInfo"]["penstock"]["metadata"]["rebuilds"]
        return action

    change_commit(rebuilt, forget)

    found = violated(proof_of(rebuilt))

    assert (4, "rebuilds of the table, by the commit and by the ledger") in found
    assert (4, "rows that version 3 removes") in found


def test_prove_merged_rows_that_met_others_finds_it(local: Store) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, "upsert")
    run(pipeline, SETTINGS)
    rebuild(pipeline, SETTINGS)
    assert proof_of(pipeline).ok
    version = DeltaTable(pipeline.table.uri).version()
    file = Path(pipeline.table.uri, "_delta_log", f"{version:020}.json")
    text = file.read_text()
    counts = json.loads(text.splitlines()[0])["commitInfo"]["penstock"]["metadata"]["merge"]
    told, other = f'"inserted":{counts["inserted"]}', f'"inserted":{counts["inserted"] - 1}'
    file.write_text(text.replace(told, other).replace('"updated":0', '"updated":1'))

    assert (4, "rows of a rebuild that met rows of the table") in violated(proof_of(pipeline))
