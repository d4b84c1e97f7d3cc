"""The proof holds after every run that went well."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable

from config.pipeline import Pipeline
from pipelines.run import run
from storage.landing.listing import list_landing
from storage.tables.ledger.planning import plan
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    event,
    events,
    full_pipeline,
    land,
    land_every_fate,
    proof_of,
    run_and_prove,
)


def test_prove_before_any_run_holds(store: Store) -> None:
    land(store, "a.ndjson", *events(0, 3))

    proof = proof_of(a_pipeline(store))

    assert proof.as_dict() == {"ok": True, "batches": (), "violations": ()}


def test_prove_after_good_runs_tells_the_fate_of_every_record(store: Store) -> None:
    land_every_fate(store)
    pipeline = full_pipeline(store)

    run_and_prove(pipeline)
    proof = proof_of(pipeline)

    assert proof.ok
    first, second = proof.batches
    assert (first.batch, first.state, first.table_version, first.files) == (1, "committed", 0, 2)
    assert (first.records_read, first.rows_quarantined, first.rows_dropped, first.rows_duplicate) == (
        22,
        1,
        1,
        2,
    )
    assert first.rows_written == 17  # without id 0, which the second step filters
    assert (second.records_read, second.rows_written, second.rows_quarantined) == (22, 20, 2)
    assert [(one.files_recounted, one.files_gone, one.files_changed) for one in proof.batches] == [
        (2, 0, 0)
    ] * 2


def test_prove_batch_without_good_record_holds(local: Store) -> None:
    land(local, "a.ndjson", b"1", b"2")
    land(local, "b.ndjson")

    assert run_and_prove(a_pipeline(local)).batches[0].rows_quarantined == 2


def test_prove_twelve_steps_takes_the_last_one_for_the_last(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 20))
    steps = [{"sql": f"select * from self where id <> {number}"} for number in range(12)]

    run_and_prove(a_pipeline(local, transforms=steps))


def test_prove_after_compaction_checkpoint_and_vacuum_holds(taken_in: Pipeline) -> None:
    table = DeltaTable(taken_in.table.uri)
    table.optimize.compact()
    table.create_checkpoint()
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)

    assert proof_of(taken_in).violations == ()


def test_prove_with_another_pipeline_in_the_table_holds_for_both(local: Store) -> None:
    mine = a_pipeline(local)
    other = a_pipeline(local, name="other", source={"uri": local.at("elsewhere")})
    for number in range(2):
        land(local, f"{number}.ndjson", *events(number, 10), b"broken")
        local.put(f"elsewhere/{number}.ndjson", event(1) + b"\n")
        run(mine, SETTINGS)
        run(other, SETTINGS)

    assert proof_of(mine).violations == proof_of(other).violations == ()


def test_prove_planned_batch_is_pending_and_holds(taken_in: Pipeline, local: Store) -> None:
    land(local, "e.ndjson", event(1))
    landed = lambda: list_landing(taken_in.source.location)  # noqa: E731
    plan(taken_in.table.uri, taken_in.name, 3, landed=landed, max_files=9, max_bytes=9999)

    proof = proof_of(taken_in)

    assert proof.ok
    assert [(one.batch, one.state, one.files) for one in proof.batches] == [
        (1, "committed", 2), (2, "committed", 2), (3, "pending", 1),
    ]  # fmt: skip


def test_prove_landed_files_gone_or_rewritten_are_not_counted_again(taken_in: Pipeline, local: Store) -> None:
    local.remove("landing/a.ndjson")
    land(local, "c.ndjson", event(1))

    proof = proof_of(taken_in)

    assert proof.ok
    assert [(one.files_recounted, one.files_gone, one.files_changed) for one in proof.batches] == [
        (1, 1, 0), (1, 0, 1),
    ]  # fmt: skip


def test_prove_landing_zone_gone_holds(taken_in: Pipeline, local: Store) -> None:
    Path(local.at("landing")).rename(local.at("archive"))

    proof = proof_of(taken_in)

    assert proof.ok
    assert [one.files_gone for one in proof.batches] == [2, 2]
