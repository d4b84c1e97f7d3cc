"""The proof finds whatever is tampered with, and says where."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from config.pipeline import Pipeline
from storage.errors import TableError
from tests.conftest import Store
from tests.pipelines.taking_in import (
    proof_of,
    violated,
)


def commit_file(pipeline: Pipeline, version: int) -> Path:
    return Path(pipeline.table.uri, "_delta_log", f"{version:020}.json")


def edit_commit(pipeline: Pipeline, version: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes each action of a commit of the data table."""
    path = commit_file(pipeline, version)
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    for action in actions:
        change(action)
    path.write_text("".join(json.dumps(action) + "\n" for action in actions))


def edit_counts(pipeline: Pipeline, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the counts in the commit of batch 1."""

    def apply(action: dict[str, Any]) -> None:
        if "commitInfo" in action:
            change(action["commitInfo"]["penstock"]["metadata"])

    edit_commit(pipeline, 0, apply)


def test_prove_landed_file_with_other_records_under_its_old_identity_finds_it(
    taken_in: Pipeline, local: Store
) -> None:
    path = Path(local.at("landing/c.ndjson"))
    status, data = path.stat(), path.read_bytes()
    path.write_bytes(data.replace(b"\n", b" ", 1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    (violation,) = proof_of(taken_in).violations

    assert (violation.batch, violation.file) == (2, str(path))
    assert (violation.what, violation.expected, violation.found) == (
        "records read, as counted again in the landing zone", 9, 10,
    )  # fmt: skip
    assert str(violation) == (
        f"batch 2, {path}: records read, as counted again in the landing zone: expected 9, found 10"
    )


def test_prove_quarantined_record_deleted_finds_its_file(taken_in: Pipeline, local: Store) -> None:
    DeltaTable(f"{taken_in.table.uri}_quarantine").delete("reason = 'truncated_file'")

    (violation,) = proof_of(taken_in).violations

    assert (violation.batch, violation.file) == (2, local.at("landing/d.ndjson.gz"))
    assert (violation.what, violation.expected, violation.found) == ("rows in the quarantine", 2, 1)


def test_prove_quarantine_lost_finds_every_batch(taken_in: Pipeline) -> None:
    Path(f"{taken_in.table.uri}_quarantine").rename(f"{taken_in.table.uri}_elsewhere")

    assert violated(proof_of(taken_in)) == [(1, "rows in the quarantine"), (2, "rows in the quarantine")]


def test_prove_quarantined_record_doubled_finds_its_file(taken_in: Pipeline) -> None:
    uri = f"{taken_in.table.uri}_quarantine"
    write_deltalake(uri, DeltaTable(uri).to_pyarrow_table().sort_by("batch").slice(0, 1), mode="append")

    assert violated(proof_of(taken_in)) == [(1, "rows in the quarantine")]


def test_prove_records_quarantined_for_a_batch_never_begun_finds_them(taken_in: Pipeline) -> None:
    uri = f"{taken_in.table.uri}_quarantine"
    rows = pl.read_delta(uri).with_columns(batch=pl.lit(4, pl.Int64))
    write_deltalake(uri, rows.to_arrow(), mode="append")

    assert violated(proof_of(taken_in)) == [(4, "rows in the quarantine of a batch that was never begun")]


def test_prove_rows_deleted_finds_the_version(taken_in: Pipeline) -> None:
    DeltaTable(taken_in.table.uri).delete("id = 5")

    (violation,) = proof_of(taken_in).violations

    assert violation.what == "rows that version 2 adds, a DELETE and no batch"
    assert (violation.expected, violation.found) == ("17, as many as it removes", 16)


def test_prove_all_rows_of_a_file_deleted_finds_the_version(taken_in: Pipeline) -> None:
    DeltaTable(taken_in.table.uri).delete()

    assert violated(proof_of(taken_in)) == [(None, "rows that version 2 adds, a DELETE and no batch")]


def test_prove_rows_appended_by_somebody_else_finds_the_version(taken_in: Pipeline) -> None:
    rows = DeltaTable(taken_in.table.uri).to_pyarrow_table()
    write_deltalake(taken_in.table.uri, rows, mode="append")

    assert violated(proof_of(taken_in)) == [(None, "rows that version 2 adds, a WRITE and no batch")]


def test_prove_table_restored_finds_the_lost_batch(taken_in: Pipeline) -> None:
    DeltaTable(taken_in.table.uri).restore(0)

    assert violated(proof_of(taken_in)) == [(None, "rows that version 2 adds, a RESTORE and no batch")]


def test_prove_data_file_lost_or_cut_finds_each(taken_in: Pipeline) -> None:
    gone, cut = sorted(Path(taken_in.table.uri).rglob("*.parquet"))
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-20])

    found = {one.file: str(one.found) for one in proof_of(taken_in).violations}

    assert set(found) == {f"kind=click/{gone.name}", f"kind=click/{cut.name}"}
    assert found[f"kind=click/{gone.name}"] == "the file is not there"
    assert found[f"kind=click/{cut.name}"].startswith("no Parquet footer: ")


def test_prove_data_file_with_other_rows_finds_it(taken_in: Pipeline) -> None:
    path = sorted(Path(taken_in.table.uri).rglob("batch-1-*.parquet"))[0]
    pl.read_parquet(path, hive_partitioning=False).head(3).write_parquet(path)

    (violation,) = proof_of(taken_in).violations

    assert (violation.what, violation.expected, violation.found) == (
        "rows of the data file, by the log",
        17,
        3,
    )


def test_prove_ledger_row_lost_finds_the_batch(taken_in: Pipeline, local: Store) -> None:
    path = local.at("landing/b.ndjson")
    DeltaTable(f"{taken_in.table.uri}_ledger").delete(f"path = '{path}'")

    found = violated(proof_of(taken_in))

    assert (1, "files with a count of records read") in found
    assert {batch for batch, _ in found} == {1}


def test_prove_first_ledger_row_of_a_batch_lost_finds_its_position(taken_in: Pipeline, local: Store) -> None:
    path = local.at("landing/c.ndjson")
    DeltaTable(f"{taken_in.table.uri}_ledger").delete(f"path = '{path}'")

    assert (2, "positions in the ledger") in violated(proof_of(taken_in))


def test_prove_whole_batch_lost_from_the_ledger_finds_it(taken_in: Pipeline) -> None:
    DeltaTable(f"{taken_in.table.uri}_ledger").delete("batch = 1")

    assert (1, "files in the ledger") in violated(proof_of(taken_in))


def test_prove_file_planned_twice_finds_it(taken_in: Pipeline, local: Store) -> None:
    uri = f"{taken_in.table.uri}_ledger"
    row = pl.read_delta(uri).filter(batch=1, file=0).with_columns(batch=pl.lit(3, pl.Int64))
    write_deltalake(uri, row.to_arrow(), mode="append")

    (violation,) = proof_of(taken_in).violations

    assert (violation.batch, violation.file) == (3, local.at("landing/a.ndjson"))
    assert violation.what.startswith("times that version ")
    assert (violation.expected, violation.found) == (1, 2)


def test_prove_batches_planned_far_ahead_finds_them(taken_in: Pipeline) -> None:
    uri = f"{taken_in.table.uri}_ledger"
    row = pl.read_delta(uri).filter(batch=1, file=0)
    row = row.with_columns(batch=pl.lit(10**15, pl.Int64), identity=pl.lit("new"))
    write_deltalake(uri, row.to_arrow(), mode="append")

    assert violated(proof_of(taken_in)) == [(10**15, "batches in the ledger")]


@pytest.mark.parametrize("name", ["read", "quarantined", "dropped", "duplicates"])
def test_prove_counts_of_a_commit_changed_finds_the_batch(taken_in: Pipeline, name: str) -> None:
    def change(metadata: dict[str, Any]) -> None:
        metadata["files"][name][0] += 1

    edit_counts(taken_in, change)

    assert {batch for batch, _ in violated(proof_of(taken_in))} == {1}


def test_prove_counts_of_a_commit_moved_between_files_finds_both(taken_in: Pipeline, local: Store) -> None:
    def change(metadata: dict[str, Any]) -> None:
        metadata["files"]["read"][0] += 1
        metadata["files"]["read"][1] -= 1

    edit_counts(taken_in, change)

    found = {(one.file, one.expected, one.found) for one in proof_of(taken_in).violations}
    assert found == {(local.at("landing/a.ndjson"), 11, 12), (local.at("landing/b.ndjson"), 11, 10)}


def test_prove_more_records_accounted_for_than_read_finds_the_file(taken_in: Pipeline, local: Store) -> None:
    def change(metadata: dict[str, Any]) -> None:
        metadata["files"]["dropped"] = [12, 0]
        metadata["files"]["read"] = [11, 22]

    edit_counts(taken_in, change)

    found = {(one.what, one.file) for one in proof_of(taken_in).violations}
    assert ("records quarantined, dropped or duplicate", local.at("landing/a.ndjson")) in found


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("accepted", "rows into the first step, as accepted of all files"),
        ("2 sql", "rows out of the last step"),
    ],
)
def test_prove_rows_of_a_step_changed_finds_them(taken_in: Pipeline, step: str, what: str) -> None:
    def change(metadata: dict[str, Any]) -> None:
        metadata["steps"][step] += 1

    edit_counts(taken_in, change)

    assert violated(proof_of(taken_in)) == [(1, what)]


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("rows", 16, "rows that the commit says it adds"),
        ("unstorable", 1, "rows out of the last step"),
        ("steps", {}, "counts of the steps"),
        ("files", None, "counts in the commit"),
        ("rows", "17", "counts in the commit"),
        ("rows", -1, "counts in the commit"),
    ],
)
def test_prove_totals_of_a_commit_changed_finds_them(
    taken_in: Pipeline, key: str, value: object, what: str
) -> None:
    edit_counts(taken_in, lambda metadata: metadata.update({key: value}))

    assert (1, what) in violated(proof_of(taken_in))


def test_prove_rows_of_a_file_changed_in_the_log_finds_them(taken_in: Pipeline) -> None:
    def change(action: dict[str, Any]) -> None:
        if "add" in action:
            action["add"]["stats"] = action["add"]["stats"].replace('"numRecords":17', '"numRecords":18')

    edit_commit(taken_in, 0, change)

    found = [what for _, what in violated(proof_of(taken_in))]
    assert "rows out of the last step" in found
    assert "rows of the data file, by the log" in found


def test_prove_log_changed_behind_a_checkpoint_finds_it(taken_in: Pipeline) -> None:
    DeltaTable(taken_in.table.uri).create_checkpoint()

    def change(action: dict[str, Any]) -> None:
        if "add" in action:
            action["add"]["stats"] = None

    edit_commit(taken_in, 0, change)

    found = [what for _, what in violated(proof_of(taken_in))]
    assert "rows of the file in version 0 of the log" in found
    assert "rows in the data table, as its commits add up" in found


def test_prove_our_mark_removed_from_a_commit_finds_it(taken_in: Pipeline) -> None:
    def change(action: dict[str, Any]) -> None:
        action.get("commitInfo", {}).pop("penstock", None)

    edit_commit(taken_in, 1, change)

    assert violated(proof_of(taken_in)) == [
        (None, "rows that version 1 adds, a WRITE and no batch"), (2, "commits in the data table"),
    ]  # fmt: skip


def test_prove_batch_committed_twice_finds_it(taken_in: Pipeline) -> None:
    note = next(
        json.loads(line)["commitInfo"]["penstock"]
        for line in commit_file(taken_in, 1).read_text().splitlines()
        if "commitInfo" in line
    )
    write_deltalake(
        taken_in.table.uri,
        DeltaTable(taken_in.table.uri).to_pyarrow_table().slice(0, 20),
        mode="append",
        commit_properties=CommitProperties(
            custom_metadata={"penstock": note}, app_transactions=[Transaction(taken_in.name, 2)]
        ),
    )

    proof = proof_of(taken_in)

    assert violated(proof) == [(2, "commits in the data table")]
    assert (proof.violations[0].expected, proof.violations[0].found) == (1, 2)


def test_prove_commits_cleaned_up_finds_what_cannot_be_proved(taken_in: Pipeline) -> None:
    DeltaTable(taken_in.table.uri).create_checkpoint()
    commit_file(taken_in, 0).unlink()

    assert violated(proof_of(taken_in)) == [
        (None, "commits in the log of the data table"), (1, "commits in the data table"),
    ]  # fmt: skip


def test_prove_data_table_lost_finds_the_batches_that_nobody_committed(taken_in: Pipeline) -> None:
    Path(taken_in.table.uri).rename(f"{taken_in.table.uri}_elsewhere")

    assert (2, "batches in the ledger") in violated(proof_of(taken_in))


def test_prove_commit_that_is_no_json_raises_and_names_the_file(taken_in: Pipeline) -> None:
    DeltaTable(taken_in.table.uri).create_checkpoint()
    commit_file(taken_in, 0).write_text("{oops\n")

    with pytest.raises(TableError, match=r"00000000000000000000\.json"):
        proof_of(taken_in)
