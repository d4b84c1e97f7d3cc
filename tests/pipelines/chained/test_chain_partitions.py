"""`source.read: partitions`: a table that is made of another's partitions is always what a recount gives."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import SpecError
from pipelines.errors import ReplayError
from pipelines.replay import replay
from pipelines.run import run
from storage.errors import TableError
from storage.tables.ledger.planned import planned_files
from tests.conftest import Store
from tests.pipelines.chains import bronze, delta, follower, gold, land_sales, rows_of, silver, totals, write
from tests.pipelines.taking_in import SETTINGS, run_and_prove


def days(*numbers: int) -> pl.DataFrame:
    """A sale on each of these days of January."""
    at = [date(2026, 1, number) for number in numbers]
    return pl.DataFrame({"day": at, "amount": numbers}, {"day": pl.Date, "amount": pl.Int64})


def counted(store: Store) -> list[tuple[Any, ...]]:
    """What `gold` holds, sorted."""
    return sorted(rows_of(store, "gold").select("day", "sales", "amount").rows())


def test_run_reads_the_partitions_that_changed_and_no_others(store: Store) -> None:
    pipeline = gold(store, of="bronze")
    write(store, "bronze", days(1, 2, 3), partition_by=["day"])
    run_and_prove(pipeline)
    write(store, "bronze", days(2, 2), mode="append")

    (batch,) = run_and_prove(pipeline).batches

    assert (batch.files, batch.records_read, batch.rows_written) == (2, 3, 1)
    assert counted(store) == totals(store, "bronze")


def test_run_clears_a_partition_that_is_empty_now(local: Store) -> None:
    pipeline = gold(local, of="bronze")
    write(local, "bronze", days(1, 2, 3), partition_by=["day"])
    run(pipeline, SETTINGS)
    delta(local, "bronze").delete("day = '2026-01-02'")

    run_and_prove(pipeline)

    assert [day.day for day, *_ in counted(local)] == [1, 3]
    assert run(pipeline, SETTINGS).batches == ()
    write(local, "bronze", days(2), mode="append")
    run_and_prove(pipeline)
    assert counted(local) == totals(local, "bronze")


def test_run_never_splits_a_partition(local: Store) -> None:
    pipeline = gold(local, of="bronze", source={"max_files_per_batch": 1})
    for _ in range(2):
        write(local, "bronze", days(1, 2), mode="append", partition_by=["day"])

    batches = run_and_prove(pipeline).batches

    assert [one.files for one in batches] == [2, 2]
    assert counted(local) == totals(local, "bronze")


def test_run_catches_changes_of_partitions_that_had_to_wait(local: Store) -> None:
    pipeline = gold(local, of="bronze", source={"max_files_per_batch": 1})
    write(local, "bronze", days(1, 2, 3), partition_by=["day"])
    run(pipeline, SETTINGS)
    write(local, "bronze", days(1, 2, 3), mode="append")
    run(pipeline, SETTINGS, max_batches=1)
    write(local, "bronze", days(1), mode="append")
    run(pipeline, SETTINGS, max_batches=1)

    run_and_prove(pipeline)

    assert counted(local) == totals(local, "bronze")
    since = planned_files(pipeline.table.uri, "gold").select("identity").collect()["identity"]
    assert since.str.json_path_match("$.since").cast(pl.Int64).is_between(0, 2).all()


def test_run_of_gold_follows_compaction_of_silver_without_reading(local: Store) -> None:
    chain = [bronze(local), silver(local), gold(local)]
    for number in range(2):
        land_sales(local, f"{number}.ndjson", 5 * number, 5 * number + 5)
        for pipeline in chain:
            run(pipeline, SETTINGS)
    delta(local, "silver").optimize.compact()

    assert run_and_prove(chain[2]).batches == ()


def test_run_refuses_tables_that_are_partitioned_otherwise(local: Store) -> None:
    write(local, "bronze", days(1).with_columns(shop=pl.lit(1)), partition_by=["shop"])

    with pytest.raises(SpecError, match="no partitions of the table"):
        run(gold(local, of="bronze"), SETTINGS)


def test_run_refuses_a_source_without_partitions(local: Store) -> None:
    write(local, "bronze", days(1))

    with pytest.raises(TableError, match="has no partitions"):
        run(gold(local, of="bronze"), SETTINGS)


def test_run_refuses_to_read_in_another_way_than_so_far(local: Store) -> None:
    write(local, "bronze", days(1), partition_by=["day"])
    run(gold(local, of="bronze"), SETTINGS)

    with pytest.raises(TableError, match="another way"):
        run(follower(local, "gold", table={"partition_by": ["day"]}), SETTINGS)


steps: st.SearchStrategy[tuple[str, list[int]]] = st.one_of(
    st.tuples(st.just("append"), st.lists(st.integers(1, 4), min_size=1, max_size=4)),
    st.tuples(st.sampled_from(["delete", "double"]), st.integers(1, 4).map(lambda one: [one])),
    st.tuples(st.sampled_from(["compact", "run", "run some"]), st.just([])),
)


@settings(max_examples=4)
@given(st.lists(steps, min_size=2, max_size=6))
def test_gold_is_what_a_recount_of_everything_gives(changed: list[tuple[str, list[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(str(Path(folder)))
        write(store, "bronze", days(1, 2), partition_by=["day"])
        pipeline = gold(store, of="bronze", source={"max_files_per_batch": 1})
        for what, numbers in changed:
            _change(store, what, numbers)
            if what.startswith("run"):
                run(pipeline, SETTINGS, max_batches=1 if what == "run some" else None)
        run_and_prove(pipeline)

        assert counted(store) == totals(store, "bronze")


def _change(store: Store, what: str, numbers: list[int]) -> None:
    match what:
        case "append":
            write(store, "bronze", days(*numbers), mode="append")
        case "delete":
            delta(store, "bronze").delete(f"day = '2026-01-{numbers[0]:02}'")
        case "double":
            delta(store, "bronze").update({"amount": "amount * 2"}, predicate=f"amount = {numbers[0]}")
        case "compact":
            delta(store, "bronze").optimize.compact()


def test_replay_into_partitions_that_are_replaced_is_refused_with_what_to_do(local: Store) -> None:
    with pytest.raises(ReplayError, match="cannot be replayed") as error:
        replay(gold(local), SETTINGS)

    assert "penstock undo" in str(error.value.next_step)
