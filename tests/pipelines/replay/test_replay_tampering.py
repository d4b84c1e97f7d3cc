"""The proof finds whatever is tampered with where records were replayed, and says where."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from config.pipeline import Pipeline
from pipelines.replay import replay
from pipelines.run import run
from storage.tables.ledger.planned import ledger_uri
from storage.tables.quarantine.records import quarantine_uri
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, land, proof_of, violated

COLUMNS = {"id": "int64!", "n": "int32"}
MARKED = "records marked as taken in, of those that batch 1 refused"


@pytest.fixture
def replayed(local: Store) -> Pipeline:
    """Batch 1 refused records 2, 3 and 4 of a file; batch 2 took in 2 and 3."""
    land(local, "a.ndjson", b'{"id": 1}', b'{"id": 2, "n": "x"}', b'{"id": 3, "n": "x"}', b"bad")
    run(a_pipeline(local, COLUMNS), SETTINGS)
    pipeline = a_pipeline(local, COLUMNS, contract={"on_mismatch": "rescue"})
    replay(pipeline, SETTINGS)
    assert proof_of(pipeline).ok
    return pipeline


def edit(uri: str, where: str, **changes: Any) -> None:
    """Changes columns of the rows that a condition names."""
    table = DeltaTable(uri)
    table.update(updates={name: str(value) for name, value in changes.items()}, predicate=where)


def test_prove_marker_deleted_finds_the_file(replayed: Pipeline, local: Store) -> None:
    DeltaTable(quarantine_uri(replayed.table.uri)).delete("replays = 1 and record = 2")

    (violation,) = proof_of(replayed).violations

    assert (violation.batch, violation.file) == (2, local.at("landing/a.ndjson"))
    assert (violation.what, violation.expected, violation.found) == (MARKED, 2, 1)


def test_prove_marker_doubled_finds_it(replayed: Pipeline) -> None:
    uri = quarantine_uri(replayed.table.uri)
    marker = pl.read_delta(uri).filter(replays=1, record=2)
    write_deltalake(uri, marker.to_arrow(), mode="append")

    assert violated(proof_of(replayed)) == [(2, "records of batch 1 taken in twice"), (2, MARKED)]


@pytest.mark.parametrize("later", [2, 3])
def test_prove_marker_of_a_later_batch_about_the_same_record_finds_it(replayed: Pipeline, later: int) -> None:
    if later == 3:
        replay(replayed, SETTINGS)
    uri = quarantine_uri(replayed.table.uri)
    marker = pl.read_delta(uri).filter(replays=1, record=2).with_columns(batch=pl.lit(later, pl.Int64))
    write_deltalake(uri, marker.to_arrow(), mode="append")

    assert (later, "records of batch 1 taken in twice") in violated(proof_of(replayed))
    assert (later, MARKED) in violated(proof_of(replayed))


def test_prove_marker_of_another_open_record_finds_it(replayed: Pipeline) -> None:
    edit(quarantine_uri(replayed.table.uri), "replays = 1 and record = 3", record=4)

    (violation,) = proof_of(replayed).violations

    assert violation.what == "sum of the numbers of records taken in, of those that batch 1 refused"
    assert (violation.batch, violation.expected, violation.found) == (2, 5, 6)


def test_prove_marker_of_a_record_that_was_not_refused_finds_it(replayed: Pipeline) -> None:
    edit(quarantine_uri(replayed.table.uri), "replays = 1 and record = 3", record=1)

    assert (2, "records marked as taken in that batch 1 has not refused") in violated(proof_of(replayed))


def test_prove_marker_of_a_batch_that_refused_nothing_finds_it(replayed: Pipeline) -> None:
    edit(quarantine_uri(replayed.table.uri), "replays = 1 and record = 3", replays=7)

    found = violated(proof_of(replayed))

    assert (2, "records marked as taken in that batch 7 has not refused") in found
    assert (2, MARKED) in found


def test_prove_marker_of_a_batch_never_begun_finds_it(replayed: Pipeline) -> None:
    edit(quarantine_uri(replayed.table.uri), "replays = 1 and record = 3", batch=9)

    found = violated(proof_of(replayed))

    assert (9, "rows in the quarantine of a batch that was never begun") in found
    assert (2, MARKED) in found


def test_prove_refused_record_deleted_after_it_was_taken_in_finds_it(replayed: Pipeline) -> None:
    DeltaTable(quarantine_uri(replayed.table.uri)).delete("replays is null and record = 2")

    assert violated(proof_of(replayed)) == [
        (1, "rows in the quarantine"),
        (2, "records marked as taken in that batch 1 has not refused"),
    ]


def test_prove_refused_record_written_for_a_batch_that_replays_finds_it(replayed: Pipeline) -> None:
    uri = quarantine_uri(replayed.table.uri)
    row = pl.read_delta(uri).filter(pl.col("replays").is_null(), record=4).with_columns(
        batch=pl.lit(2, pl.Int64)
    )  # fmt: skip
    write_deltalake(uri, row.to_arrow(), mode="append")

    assert violated(proof_of(replayed)) == [(2, "rows in the quarantine")]


@pytest.mark.parametrize("named", [2, 3])
def test_prove_ledger_naming_another_batch_finds_it(replayed: Pipeline, named: int) -> None:
    edit(ledger_uri(replayed.table.uri), "replays = 1", replays=named)

    assert (2, "batch that refused the records") in violated(proof_of(replayed))


def test_prove_ledger_row_of_a_replay_lost_finds_the_batch(replayed: Pipeline) -> None:
    DeltaTable(ledger_uri(replayed.table.uri)).delete("replays = 1")

    assert (2, "files in the ledger") in violated(proof_of(replayed))


def test_prove_landed_file_planned_twice_is_found_beside_a_replay(replayed: Pipeline) -> None:
    edit(ledger_uri(replayed.table.uri), "replays = 1", replays="null")

    assert not proof_of(replayed).ok
