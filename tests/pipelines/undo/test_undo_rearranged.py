"""A batch whose rows were compacted, or replaced others, is undone as far as its files tell."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from config.pipeline import Pipeline
from pipelines.maintain import maintain
from pipelines.run import run
from pipelines.undo import undo
from storage.errors import IrreversibleError
from storage.filesystem import delta_storage_options
from storage.tables.content_hash import content_hash
from storage.tables.replacing.replacement import commit_replacement
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, ids, land, proof_of, run_and_prove, table
from tests.pipelines.undoing import land_three, one_file_a_batch, undo_and_prove


def opened(pipeline: Pipeline) -> DeltaTable:
    uri = pipeline.table.uri
    return DeltaTable(uri, storage_options=delta_storage_options(uri))


def compact_by_penstock(pipeline: Pipeline) -> None:
    tomorrow = time.time_ns() // 1_000_000 + 86_400_000  # when nothing was written lately
    assert list(maintain(pipeline, SETTINGS, ["compact"], now_ms=tomorrow))


def compact_by_delta_rs(pipeline: Pipeline) -> None:
    opened(pipeline).optimize.compact()


@pytest.mark.parametrize("compact", [compact_by_penstock, compact_by_delta_rs])
@pytest.mark.parametrize("partition_by", [[], ["kind"]])
def test_undo_after_compaction_puts_back_the_files_of_the_others(
    store: Store, compact: Any, partition_by: list[str]
) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store, table={"partition_by": partition_by})
    run(pipeline, SETTINGS)
    compact(pipeline)
    assert len(opened(pipeline).file_uris()) == 1

    assert undo_and_prove(pipeline, 2).rows_removed == 10

    assert ids(pipeline) == [*range(10), *range(20, 30)]
    assert len(opened(pipeline).file_uris()) == 2
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(30))


def test_undo_after_compactions_of_compactions_and_another_undo(local: Store) -> None:
    pipeline = one_file_a_batch(local)
    for number in range(5):
        land(local, f"{number}.ndjson", *events(10 * number, 10 * number + 10))
        run(pipeline, SETTINGS)
        if number in (1, 3):
            compact_by_delta_rs(pipeline)
    compact_by_penstock(pipeline)

    undo_and_prove(pipeline, 2)
    assert ids(pipeline) == [*range(10), *range(20, 50)]
    compact_by_penstock(pipeline)
    undo_and_prove(pipeline, 1)
    undo_and_prove(pipeline, 4)
    assert ids(pipeline) == [*range(20, 30), *range(40, 50)]
    assert proof_of(pipeline).violations == ()

    run_and_prove(pipeline)
    compact_by_penstock(pipeline)
    assert proof_of(pipeline).violations == ()
    assert ids(pipeline) == list(range(50))


def test_undo_racing_a_compaction_looks_again(local: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    commit = commit_replacement

    def late(*arguments: Any) -> int:
        monkeypatch.undo()
        compact_by_penstock(pipeline)
        return commit(*arguments)

    monkeypatch.setattr("pipelines.undo.commit_replacement", late)

    assert undo_and_prove(pipeline, 2).rows_removed == 10
    assert ids(pipeline) == [*range(10), *range(20, 30)]


def test_undo_where_a_file_to_come_back_is_gone_says_which(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    sources = {Path(path) for path in opened(pipeline).file_uris()}
    compact_by_penstock(pipeline)
    for path in sources:
        path.unlink()

    with pytest.raises(IrreversibleError, match="not there any more") as caught:
        undo(pipeline, 2, SETTINGS)

    assert "vacuumed" in str(caught.value.next_step)
    assert ids(pipeline) == list(range(30))


def test_undo_where_files_left_long_ago_wants_them_kept_longer(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    compact_by_penstock(pipeline)
    log = Path(pipeline.table.uri, "_delta_log", f"{opened(pipeline).version():020}.json")
    week = int(timedelta(days=7).total_seconds() * 1000)
    first, *others = log.read_text().splitlines()
    info = json.loads(first)
    info["commitInfo"]["timestamp"] -= week
    log.write_text("\n".join([json.dumps(info), *others]))

    with pytest.raises(IrreversibleError, match="long ago") as caught:
        undo(pipeline, 2, SETTINGS)
    assert "table.upkeep.keep" in str(caught.value.next_step)

    patient = one_file_a_batch(local, table={"upkeep": {"keep": "30d"}})
    undo_and_prove(patient, 2)


def test_undo_after_types_were_widened_refuses(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "n": 1}')
    land(local, "b.ndjson", b'{"id": 2, "n": 2}')
    one_file = {"max_files_per_batch": 1}
    run(a_pipeline(local, {"id": "int64!", "n": "int32"}, source=one_file), SETTINGS)
    wide = a_pipeline(local, {"id": "int64!", "n": "int64"}, source=one_file)
    land(local, "c.ndjson", b'{"id": 3, "n": 3}')
    run(wide, SETTINGS)

    with pytest.raises(IrreversibleError, match="written again") as caught:
        undo(wide, 1, SETTINGS)
    assert "columns of the table were changed" in str(caught.value.got)

    undo_and_prove(wide, 3)
    assert ids(wide) == [1, 2]
    run_and_prove(wide)
    assert ids(wide) == [1, 2, 3]


def test_undo_lets_no_reader_lose_rows_that_are_older_than_a_column(store: Store) -> None:
    """Once compaction let readers skip files by the new column, files come back that tell nothing of it."""
    one_file = {"max_files_per_batch": 1}
    land(store, "a.ndjson", b'{"id": 1}', b'{"id": 2}')
    run(a_pipeline(store, {"id": "int64!"}, source=one_file), SETTINGS)
    wide = a_pipeline(store, {"id": "int64!", "n": "int64"}, source=one_file)
    land(store, "b.ndjson", b'{"id": 3, "n": 3}', b'{"id": 4, "n": 4}')
    land(store, "c.ndjson", b'{"id": 5, "n": 5}')
    run(wide, SETTINGS)
    compact_by_penstock(wide)

    undo_and_prove(wide, 2)

    for condition, found in [
        (ds.field("n").is_null(), [1, 2]),
        (ds.field("n") > 4, [5]),
        (ds.field("id") > 1, [2, 5]),
    ]:
        read = opened(wide).to_pyarrow_dataset().to_table(filter=condition)
        assert sorted(read["id"].to_pylist()) == found
    assert sorted(table(wide).filter(pl.col("n").is_null())["id"]) == [1, 2]


KEYED = {"id": "int64!", "n": "int64"}


def keyed(store: Store, mode: str = "upsert", **options: Any) -> Pipeline:
    """One file a batch."""
    table_options = {"mode": mode, **({"key": ["id"]} if mode != "replace" else {}), **options}
    return a_pipeline(store, KEYED, source={"max_files_per_batch": 1}, table=table_options)


def land_numbers(store: Store, name: str, *rows: tuple[int, int]) -> None:
    land(store, name, *(b'{"id": %d, "n": %d}' % row for row in rows))


def rows(pipeline: Pipeline) -> list[tuple[int, int]]:
    return sorted(table(pipeline).select("id", "n").rows())


def test_undo_of_an_upsert_brings_back_what_it_replaced(store: Store) -> None:
    pipeline = keyed(store)
    land_numbers(store, "a.ndjson", (1, 1), (2, 1))
    run(pipeline, SETTINGS)
    before = content_hash(table(pipeline).lazy())
    land_numbers(store, "b.ndjson", (2, 2), (3, 2))
    run(pipeline, SETTINGS)
    assert rows(pipeline) == [(1, 1), (2, 2), (3, 2)]

    assert undo_and_prove(pipeline, 2).rows_removed == 1

    assert content_hash(table(pipeline).lazy()) == before
    run_and_prove(pipeline)
    assert rows(pipeline) == [(1, 1), (2, 2), (3, 2)]


def test_undo_of_an_upsert_that_a_later_one_built_upon_wants_that_undone_first(local: Store) -> None:
    pipeline = keyed(local)
    for number, pairs in enumerate([[(1, 1), (2, 1)], [(2, 2), (3, 2)], [(3, 3)]]):
        land_numbers(local, f"{number}.ndjson", *pairs)
    run(pipeline, SETTINGS)

    with pytest.raises(IrreversibleError, match="written again") as caught:
        undo(pipeline, 2, SETTINGS)
    assert caught.value.next_step == "undo batch 3 of events first: penstock undo PIPELINE --batch 3"

    undo_and_prove(pipeline, 3)
    assert rows(pipeline) == [(1, 1), (2, 2), (3, 2)]
    undo_and_prove(pipeline, 2)
    assert rows(pipeline) == [(1, 1), (2, 1)]
    run_and_prove(pipeline)
    assert rows(pipeline) == [(1, 1), (2, 2), (3, 3)]


def test_undo_of_rows_that_kept_others_out_wants_that_batch_undone_first(local: Store) -> None:
    pipeline = keyed(local, "insert_new")
    land_numbers(local, "a.ndjson", (1, 1))
    land_numbers(local, "b.ndjson", (1, 2), (2, 2))
    run(pipeline, SETTINGS)

    with pytest.raises(IrreversibleError, match="depends on those of this batch") as caught:
        undo(pipeline, 1, SETTINGS)
    assert caught.value.next_step == "undo batch 2 of events first: penstock undo PIPELINE --batch 2"

    undo_and_prove(pipeline, 2)
    undo_and_prove(pipeline, 1)
    run_and_prove(pipeline)
    assert rows(pipeline) == [(1, 1), (2, 2)]


def test_undo_of_a_replaced_partition_brings_back_the_old_one(store: Store) -> None:
    pipeline = keyed(store, "replace", partition_by=["n"])
    land_numbers(store, "a.ndjson", (1, 1), (2, 1), (3, 2))
    land_numbers(store, "b.ndjson", (4, 1))
    run(pipeline, SETTINGS)
    assert rows(pipeline) == [(3, 2), (4, 1)]

    assert undo_and_prove(pipeline, 2).rows_removed == -1

    assert rows(pipeline) == [(1, 1), (2, 1), (3, 2)]
    with pytest.raises(IrreversibleError):
        run(pipeline, SETTINGS)
        undo(pipeline, 1, SETTINGS)


def test_undo_of_an_upsert_after_compaction_brings_back_what_it_replaced(local: Store) -> None:
    pipeline = keyed(local)
    land_numbers(local, "a.ndjson", (1, 1), (2, 1))
    land_numbers(local, "b.ndjson", (2, 2), (3, 2))
    land_numbers(local, "c.ndjson", (4, 3))
    run(pipeline, SETTINGS)
    compact_by_delta_rs(pipeline)

    undo_and_prove(pipeline, 2)

    assert rows(pipeline) == [(1, 1), (2, 1), (4, 3)]
