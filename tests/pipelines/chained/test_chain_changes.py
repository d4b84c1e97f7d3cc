"""`source.read: changes`: what went, what came, and in which version."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.chains import bronze, delta, follower, land_sales, rows_of, write
from tests.pipelines.taking_in import SETTINGS, run_and_prove, table

CDF = {"delta.enableChangeDataFeed": "true"}
ROWS = pl.DataFrame({"id": [1, 2, 3, 3], "part": ["a", "a", "b", "b"], "tags": [["x"], [], None, None]})


def following_changes(store: Store, **options: Any) -> Any:
    return follower(store, "changes", source={"read": "changes", **options})


def changes(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    """Version, change and columns of each row of `lake/changes`, sorted."""
    return sorted(rows_of(store, "changes").select("_version", "_change", *columns).rows())


def test_changes_of_a_snapshot_are_inserts(local: Store) -> None:
    write(local, "bronze", ROWS, partition_by=["part"])

    run_and_prove(following_changes(local))

    assert changes(local, "id") == [(0, "insert", number) for number in (1, 2, 3, 3)]


def test_changes_of_rewritten_files_are_the_rows_that_differ(store: Store) -> None:
    write(store, "bronze", ROWS, partition_by=["part"])
    run(following_changes(store), SETTINGS)
    delta(store, "bronze").update(updates={"id": "id + 10"}, predicate="id = 2")
    delta(store, "bronze").delete("id = 1")
    delta(store, "bronze").delete("part = 'b'")

    run_and_prove(following_changes(store))

    assert changes(store, "id", "part")[4:] == [
        (1, "delete", 2, "a"),
        (1, "insert", 12, "a"),
        (2, "delete", 1, "a"),
        (3, "delete", 3, "b"),
        (3, "delete", 3, "b"),
    ]


def test_changes_of_one_of_two_equal_rows_are_one_row(local: Store) -> None:
    write(local, "bronze", ROWS)
    run(following_changes(local), SETTINGS)
    write(local, "bronze", ROWS.unique("id", keep="first", maintain_order=True), mode="overwrite")

    run_and_prove(following_changes(local))

    assert changes(local, "id")[4:] == [(1, "delete", 3)]


def test_changes_of_rows_that_become_equal_to_others_are_told_where_a_change_data_feed_lacks_them(
    local: Store,
) -> None:
    write(local, "bronze", pl.DataFrame({"id": [0, 2, 2]}), configuration=CDF)
    run(following_changes(local), SETTINGS)
    delta(local, "bronze").update(updates={"id": "2"}, predicate="id = 0")
    # Of delta-rs 1.6.3; once it tells of the row that came, its files can be read in place of a comparison.
    assert delta(local, "bronze").load_cdf(1).read_all()["_change_type"].to_pylist() == [
        "update_preimage"
    ]  # row objects allowed: one

    run_and_prove(following_changes(local))

    assert changes(local, "id")[3:] == [(1, "delete", 0), (1, "insert", 2)]


def test_changes_of_a_version_are_taken_by_one_batch(local: Store) -> None:
    write(local, "bronze", ROWS, partition_by=["part"])
    pipeline = following_changes(local, max_files_per_batch=1)
    run(pipeline, SETTINGS)
    delta(local, "bronze").update(updates={"id": "id + 10"})

    batches = run_and_prove(pipeline).batches

    assert [one.files for one in batches] == [4]
    assert [one.records_read for one in batches] == [8]


def test_changes_of_compaction_are_none(local: Store) -> None:
    pipeline = following_changes(local)
    for _ in range(2):
        write(local, "bronze", ROWS, mode="append")
        run(pipeline, SETTINGS)
    delta(local, "bronze").optimize.compact()

    assert run_and_prove(pipeline).batches == ()


def test_changes_that_come_and_go_before_they_are_read_are_both_told(local: Store) -> None:
    write(local, "bronze", ROWS.head(1))
    run(following_changes(local), SETTINGS)
    write(local, "bronze", ROWS.tail(1), mode="append")
    write(local, "bronze", ROWS.head(1), mode="overwrite")

    batches = run_and_prove(following_changes(local)).batches

    assert len(batches) == 2  # a file is in a batch once
    assert changes(local, "id") == [(0, "insert", 1), (1, "insert", 3), (2, "delete", 3)]


def test_changes_into_an_upsert_keep_the_newest_state_of_each_key(local: Store) -> None:
    write(local, "bronze", pl.DataFrame({"id": [1, 2, 3], "n": [1, 1, 1]}))
    pipeline = follower(
        local, "changes", source={"read": "changes"},
        table={"mode": "upsert", "key": ["id"], "order_by": ["_version"]},
    )  # fmt: skip
    run(pipeline, SETTINGS)
    delta(local, "bronze").update(updates={"n": "n + 1"}, predicate="id = 2")
    delta(local, "bronze").update(updates={"n": "n + 1"}, predicate="id = 2")
    delta(local, "bronze").delete("id = 3")

    run_and_prove(pipeline)

    there = table(pipeline).filter(pl.col("_change") != "delete")
    assert sorted(there.select("id", "n").rows()) == [(1, 1), (2, 3)]


def test_changes_of_a_replaced_partition_reach_a_follower(local: Store) -> None:
    source = bronze(local, table={"mode": "replace"})
    pipeline = following_changes(local)
    land_sales(local, "a.ndjson", 0, 20)
    run(source, SETTINGS)
    run_and_prove(pipeline)
    land_sales(local, "b.ndjson", 7, 8)
    run(source, SETTINGS)

    run_and_prove(pipeline)

    assert changes(local, "id")[20:] == [(2, "delete", 17)]


Step = Callable[[Store], None]
ids = st.integers(0, 5)


def _append(numbers: list[int]) -> Step:
    rows = pl.DataFrame(
        {"id": numbers, "part": [number % 2 for number in numbers]}, {"id": pl.Int64, "part": pl.Int64}
    )
    return lambda store: write(store, "bronze", rows, mode="append", partition_by=["part"])


def _update(number: int) -> Step:
    return lambda store: _told(delta(store, "bronze").update({"id": "id + 2"}, predicate=f"id = {number}"))


def _delete(number: int) -> Step:
    return lambda store: _told(delta(store, "bronze").delete(f"id = {number}"))


def _compact(_: int) -> Step:
    return lambda store: _told(delta(store, "bronze").optimize.compact())


def _told(_metrics: object) -> None: ...


def _follow(number: int) -> Step:
    pipeline_files = number + 1
    return lambda store: _told(run(following_changes(store, max_files_per_batch=pipeline_files), SETTINGS))


steps = st.one_of(
    st.lists(ids, min_size=1, max_size=5).map(_append),
    ids.map(_update), ids.map(_delete), ids.map(_compact), ids.map(_follow),
)  # fmt: skip


@settings(max_examples=6)
@given(st.lists(steps, max_size=6), st.sampled_from([None, CDF]))
def test_changes_up_to_a_version_add_up_to_the_table(
    changed: list[Step], feed: dict[str, str] | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(str(Path(folder)))
        rows = pl.DataFrame({"id": [0, 1, 2, 2], "part": [0, 1, 0, 0]})
        write(store, "bronze", rows, partition_by=["part"], configuration=feed)
        for step in changed:
            step(store)
        run_and_prove(following_changes(store))

        sign = pl.when(pl.col("_change") == "insert").then(1).otherwise(-1)
        told = rows_of(store, "changes").with_columns(sign=sign)
        first = int(told["_version"].min() or 0)  # type: ignore[arg-type]
        for version in range(first, delta(store, "bronze").version() + 1):
            sums: Counter[tuple[Any, ...]] = Counter()
            for *row, count in told.filter(pl.col("_version") <= version).select("id", "part", "sign").rows():
                sums[tuple(row)] += count
            there = Counter(rows_of(store, "bronze", version).select("id", "part").rows())
            assert +sums == there
            assert not -sums


@pytest.mark.parametrize("column", ["_change", "_version"])
def test_changes_of_a_table_with_a_column_of_that_name_are_refused(local: Store, column: str) -> None:
    write(local, "bronze", pl.DataFrame({"id": [1], column: ["x"]}))

    with pytest.raises(Exception, match="columns that the table cannot have"):
        run(following_changes(local), SETTINGS)
