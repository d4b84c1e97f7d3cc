"""Maintenance of a pipeline's tables disturbs neither runs nor replays nor the proof."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from config.pipeline import Pipeline
from pipelines.maintain import maintain
from pipelines.replay import replay
from pipelines.run import run
from storage.maintenance.tending import Tended
from storage.tables.content_hash import content_hash
from storage.tables.ledger.planned import ledger_uri
from storage.tables.log.versions import open_version
from storage.tables.quarantine.records import quarantine_uri
from storage.tables.schema.statistics_columns import promised
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    events,
    ids,
    land,
    proof_of,
    refused,
    run_and_prove,
    table,
)
from tests.table_rows import rows_of

HOUR_MS = 3_600_000
UPKEEP = {"upkeep": {"min_files": 3}}
TABLE = {"sort_by": ["actor.id", "id"], "partition_by": ["kind"], **UPKEEP}


def after(hours: float) -> int:
    return time.time_ns() // 1_000_000 + int(hours * HOUR_MS)


def tended(target: Pipeline | str, *tasks: Any, hours: float = 2) -> dict[tuple[str, str], Tended]:
    """What became of each task of each table, by the end of its name."""
    found = maintain(target, SETTINGS, tasks, now_ms=after(hours))
    return {(one.uri.rpartition("events")[2], one.task): one for one in found}


def hashes(pipeline: Pipeline) -> list[str]:
    uri = pipeline.table.uri
    return [content_hash(rows_of(open_version(one))) for one in (uri, ledger_uri(uri), quarantine_uri(uri))]


def four_batches(store: Store, **options: Any) -> Pipeline:
    """Each with ten good records and one bad one."""
    pipeline = a_pipeline(store, source={"max_files_per_batch": 1}, **{"table": TABLE, **options})
    for number in range(4):
        land(store, f"{number}.ndjson", *events(number * 10, number * 10 + 10), b"no json")
    run(pipeline, SETTINGS)
    return pipeline


def test_maintain_compacts_table_ledger_and_quarantine_and_all_stays_the_same(store: Store) -> None:
    pipeline = four_batches(store)
    before = hashes(pipeline)

    found = tended(pipeline)

    compacted = [found[name, "compact"] for name in ("", "_ledger", "_quarantine")]
    assert [one.state for one in compacted] == ["done"] * 3
    assert [one.counts["files_added"] for one in compacted] == [1, 1, 1]
    assert [one.counts["files_removed"] for one in compacted] == [4, 4, 4]
    assert hashes(pipeline) == before
    assert proof_of(pipeline).violations == ()
    land(store, "more.ndjson", *events(100, 103))
    assert run_and_prove(pipeline).batches[-1].files == 1
    assert ids(pipeline) == [*range(40), *range(100, 103)]


def test_maintain_before_it_has_settled_does_nothing_and_says_why(local: Store) -> None:
    pipeline = four_batches(local)
    versions = [DeltaTable(one).version() for one in (pipeline.table.uri, ledger_uri(pipeline.table.uri))]

    found = tended(pipeline, hours=0.5)

    assert {one.state for one in found.values()} == {"nothing"}
    assert "table.upkeep.settled" in found["", "compact"].why
    assert "table.upkeep.keep" in found["", "vacuum"].why
    assert "4 commits" in found["", "checkpoint"].why
    assert versions == [
        DeltaTable(one).version() for one in (pipeline.table.uri, ledger_uri(pipeline.table.uri))
    ]


def test_maintain_with_few_files_does_nothing_unless_asked(local: Store) -> None:
    pipeline = four_batches(local, table={**TABLE, "upkeep": {"min_files": 5}})

    assert "table.upkeep.min_files" in tended(pipeline)["", "compact"].why
    found = tended(pipeline, "compact")

    assert {task for _, task in found} == {"compact"}
    assert found["", "compact"].state == "done"


def test_maintain_keeps_the_empty_text_of_other_writers_apart_from_null(local: Store) -> None:
    pipeline = a_pipeline(local, table=TABLE)
    kinds = ["", None, "a"]
    rows = pl.DataFrame(
        {"id": range(3), "kind": kinds, "actor": [{"id": 1, "login": "a"}] * 3, "_rescued": [None] * 3},
        schema_overrides={"_rescued": pl.String},
    )
    for _ in range(4):
        write_deltalake(pipeline.table.uri, rows.to_arrow(), mode="append", partition_by=["kind"])

    found = tended(pipeline, "compact")

    assert found["", "compact"].counts["files_removed"] == 8
    assert table(pipeline).sort("id")["kind"].to_list() == [one for one in kinds for _ in range(4)]


def test_maintain_before_the_first_batch_has_nothing_to_do(local: Store) -> None:
    assert list(maintain(a_pipeline(local), SETTINGS)) == []


def test_maintain_of_a_uri_vacuums_but_does_not_compact(store: Store) -> None:
    pipeline = four_batches(store)
    tended(pipeline)
    before = hashes(pipeline)

    found = tended(pipeline.table.uri, hours=24 * 8)

    assert found["", "compact"].state == "refused"
    assert "name the pipeline" in found["", "compact"].why
    assert found["", "vacuum"].counts["files"] == 4
    assert found["_ledger", "vacuum"].counts["files"] == 4
    assert hashes(pipeline) == before
    assert proof_of(pipeline).violations == ()


def test_maintain_before_and_after_a_replay_keeps_what_is_open(local: Store) -> None:
    columns = {"id": "int64!", "n": "int32"}
    strict = a_pipeline(local, columns, source={"max_files_per_batch": 1}, table=UPKEEP)
    loose = a_pipeline(local, columns, table=UPKEEP, contract={"on_mismatch": "rescue"})
    for number in range(4):
        land(local, f"{number}.ndjson", b'{"id": %d, "n": "x"}' % number, b"no json", b'{"id": 9}')
    run(strict, SETTINGS)
    tended(strict)
    assert refused(strict).height == 8

    assert replay(loose, SETTINGS).taken_in == 4
    before = hashes(loose)
    tended(loose, "compact")

    assert hashes(loose) == before
    assert refused(loose).height == 4
    assert proof_of(loose).violations == ()
    assert replay(loose, SETTINGS).taken_in == 0


@pytest.mark.parametrize("then", ["", "id > 15"])
def test_maintain_between_two_attempts_at_a_batch_keeps_the_protocol(
    local: Store, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """The first attempt dies when its refusals are visible; the second may refuse other records."""
    pipeline = four_batches(local)
    land(local, "last.ndjson", *events(10, 20), b"bad")
    with monkeypatch.context() as dying:
        dying.setattr("pipelines.batch.committing.commit_files", _no_more)
        with pytest.raises(KeyboardInterrupt):
            run(pipeline, SETTINGS)

    found = tended(pipeline, "compact")

    assert found["_quarantine", "compact"].counts["rows"] == 5
    check = {"name": "late", "expect": then, "action": "quarantine"}
    again = (
        pipeline if not then else pipeline.model_copy(update={"expectations": _expectations(local, check)})
    )
    run_and_prove(again)
    assert refused(again).height == (5 if not then else 11)


def _no_more(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def _expectations(store: Store, check: dict[str, str]) -> Any:
    return a_pipeline(store, expectations=[check]).expectations


def test_maintain_lets_readers_skip_files_by_a_new_column_again(local: Store) -> None:
    pipeline = four_batches(local)
    columns = {"id": "int64!", "kind": "string", "more": "int64", "actor": {"id": "int64", "login": "string"}}
    grown = a_pipeline(local, columns, table=TABLE)
    for number in range(3):
        land(local, f"more-{number}.ndjson", b'{"id": %d, "kind": "click", "more": 7}' % (100 + number))
        run(grown, SETTINGS)
    assert "more" not in (promised(open_version(pipeline.table.uri)) or ("more",))

    found = tended(grown)

    assert found["", "compact"].counts["columns_told_again"] == 1
    assert "more" in (promised(open_version(pipeline.table.uri)) or ())
    assert proof_of(grown).violations == ()


def test_proof_still_catches_tampering_after_a_compaction(local: Store) -> None:
    pipeline = four_batches(local)
    tended(pipeline)
    (path,) = open_version(pipeline.table.uri).file_uris()
    pl.read_parquet(path).head(39).write_parquet(path)

    assert proof_of(pipeline).violations != ()


def test_proof_catches_a_compaction_that_lost_a_row(local: Store) -> None:
    pipeline = four_batches(local)
    tended(pipeline)
    log = max(Path(pipeline.table.uri, "_delta_log").glob("*.json"))
    log.write_text(log.read_text().replace('\\"numRecords\\":40', '\\"numRecords\\":39'))

    assert proof_of(pipeline).violations != ()


@settings(max_examples=5)
@given(st.lists(st.tuples(st.integers(0, 25), st.sampled_from(["", "compact", "all", "week"])), max_size=5))
def test_maintain_between_any_batches_keeps_the_content(steps: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        pipeline = a_pipeline(store, table={**TABLE, "upkeep": {"min_files": 2}})
        land(store, "first.ndjson", *events(0, 1))
        run(pipeline, SETTINGS)
        past = 1
        for number, (count, what) in enumerate(steps):
            land(store, f"{number}.ndjson", *events(past, past + count), b"[]")
            past += count
            run(pipeline, SETTINGS)
            before = hashes(pipeline)
            if what:
                tended(
                    pipeline, *(["compact"] if what == "compact" else []), hours=200 if what == "week" else 2
                )
            assert hashes(pipeline) == before
        assert ids(pipeline) == list(range(past))
        assert proof_of(pipeline).violations == ()
