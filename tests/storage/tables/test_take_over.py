"""Whoever takes a batch over keeps all others who opened the table before from committing it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from storage.errors import ConcurrentRunError
from storage.layout.data_file import DataFile
from storage.layout.table_writer import TableWriter
from storage.tables.attempt import Commit
from storage.tables.commits import commit_batch, delete_for_batch, take_over
from storage.tables.delta import last_batch, open_table
from storage.tables.log.commits import read_commits
from tests.conftest import Store

SCHEMA = pl.Schema({"x": pl.Int64()})


def written(store: Store, *values: int) -> list[DataFile]:
    with TableWriter(store.at("t"), buffer_bytes=1_000_000) as writer:
        writer.write(pl.DataFrame({"x": values}, schema=SCHEMA))
        return writer.finish()


def commit(
    store: Store, table: DeltaTable | None, batch: int, *values: int, attempt: str = "a", **of: Any
) -> Commit:
    options = {"app_id": "p", "schema": SCHEMA, "attempt": attempt, **of}
    return commit_batch(store.at("t"), table, batch=batch, files=written(store, *values), **options)


def overtake(
    store: Store, table: DeltaTable | None, batch: int, attempt: str = "b", app_id: str = "p"
) -> DeltaTable:
    return take_over(store.at("t"), table, app_id=app_id, batch=batch, attempt=attempt, schema=SCHEMA)


def opened(store: Store) -> DeltaTable | None:
    return open_table(store.at("t"))


def rows(store: Store) -> list[int]:
    table = opened(store)
    assert table is not None
    return sorted(table.to_pyarrow_table()["x"].to_pylist())


@pytest.mark.parametrize("before", [0, 1])
def test_commit_of_a_batch_that_was_taken_over_refuses_and_the_other_commits(
    store: Store, before: int
) -> None:
    if before:
        commit(store, None, 1, 0)
    slow, fast = opened(store), opened(store)

    fast = overtake(store, fast, before + 1)
    with pytest.raises(ConcurrentRunError, match=f"batch {before + 1}"):
        commit(store, slow, before + 1, 7)
    commit(store, fast, before + 1, 8, attempt="b")

    assert rows(store) == [*range(before), 8]
    assert last_batch(opened(store), "p") == before + 1


def test_take_over_of_a_batch_that_was_taken_over_or_committed_refuses(store: Store) -> None:
    commit(store, None, 1, 0)
    first, second, third = opened(store), opened(store), opened(store)
    overtake(store, first, 2, "b")

    with pytest.raises(ConcurrentRunError):
        overtake(store, second, 2, "c")
    commit(store, opened(store), 2, 1)
    with pytest.raises(ConcurrentRunError):
        overtake(store, third, 2, "d")
    with pytest.raises(ConcurrentRunError):
        overtake(store, opened(store), 2, "e")


def test_take_over_does_not_touch_other_pipelines(store: Store) -> None:
    commit(store, None, 1, 0)
    theirs = opened(store)

    overtake(store, opened(store), 2)
    commit(store, theirs, 1, 5, app_id="q")

    assert rows(store) == [0, 5]


def test_take_over_gives_the_table_as_it_was_then(store: Store) -> None:
    commit(store, None, 1, 0)
    ours = overtake(store, opened(store), 2, "b")
    assert ours.version() == 1

    overtake(store, opened(store), 2, "c")

    with pytest.raises(ConcurrentRunError):
        commit(store, ours, 2, 3, attempt="b")


def test_take_over_again_by_the_same_attempt_lets_it_commit(store: Store) -> None:
    planned = opened(store)
    overtake(store, planned, 1, "b")

    commit(store, planned, 1, 4, attempt="b")

    assert rows(store) == [4]


def test_take_over_is_an_empty_commit_and_no_batch(store: Store) -> None:
    commit(store, None, 1, 0)
    overtake(store, opened(store), 2)

    last = list(read_commits(store.at("t"), 1))[-1]

    assert (last.added, last.removed, last.transactions) == ({}, [], {"p": 1})
    assert {"app_id": "p", "takes_over": 2}.items() <= last.ours.items()
    assert "batch" not in last.ours


def test_delete_for_batch_refuses_where_another_attempt_came_between(store: Store) -> None:
    commit(store, None, 1, 0, 1)
    ours, theirs = opened(store), opened(store)
    assert ours is not None
    commit(store, theirs, 1, 2, attempt="b", again=True)

    with pytest.raises(ConcurrentRunError):
        delete_for_batch(store.at("t"), ours, "x >= 0", app_id="p", batch=1, attempt="c")

    assert rows(store) == [0, 1, 2]


def test_delete_for_batch_moves_the_table_to_its_own_version(store: Store) -> None:
    commit(store, None, 1, 0, 1)
    ours = opened(store)
    assert ours is not None

    delete_for_batch(store.at("t"), ours, "x = 1", app_id="p", batch=1, attempt="c")
    assert ours.version() == 1
    commit(store, opened(store), 1, 5, attempt="b", again=True)
    with pytest.raises(ConcurrentRunError):
        commit(store, ours, 1, 6, attempt="c", again=True)

    assert rows(store) == [0, 5]
