"""Which small files are worth being made one."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.maintenance.due import Due, Rules, due
from storage.maintenance.files import FILES_SCHEMA

HOUR_MS = 3_600_000
NOW_MS = 1_000 * HOUR_MS
RULES = Rules(file_size=1000, min_files=3, settled=timedelta(hours=1))


def files(*sizes: int, partition: str = "a", age_ms: int = 2 * HOUR_MS) -> pl.DataFrame:
    names = [f"{partition}-{number}" for number in range(len(sizes))]
    found = pl.DataFrame({"path": names, "size": sizes})
    return found.with_columns(
        rows=pl.lit(1, pl.Int64), modified_ms=NOW_MS - age_ms, partition=pl.lit(partition)
    ).cast(dict(FILES_SCHEMA))  # type: ignore[arg-type]


def sizes_of(found: Due) -> list[int]:
    return found.files["size"].to_list()


def test_due_takes_the_small_files_of_a_settled_partition() -> None:
    found = due(files(10, 20, 499, 500, 900), RULES, NOW_MS)

    assert sizes_of(found) == [10, 20, 499]
    assert (found.partitions, found.small) == (1, 3)


def test_due_leaves_partitions_with_too_few_small_files() -> None:
    found = due(pl.concat([files(10, 20), files(1, 2, 3, partition="b")]), RULES, NOW_MS)

    assert found.files["partition"].unique().to_list() == ["b"]
    assert due(files(10, 20), RULES, NOW_MS).most == 2


def test_due_leaves_a_partition_that_was_written_to_lately() -> None:
    late = files(700, partition="a", age_ms=HOUR_MS - 1).with_columns(path=pl.lit("late"))

    found = due(pl.concat([files(1, 2, 3), late]), RULES, NOW_MS)

    assert found.files.is_empty()
    assert found.unsettled == 1


def test_due_by_file_takes_what_has_settled_of_a_partition_that_has_not() -> None:
    late = files(7, age_ms=0).with_columns(path=pl.lit("late"))
    rules = Rules(1000, 3, timedelta(hours=1), by_file=True)

    assert sizes_of(due(pl.concat([files(5, 5, 6), late]), rules, NOW_MS)) == [5, 5, 6]


def test_due_by_file_leaves_large_ones_until_small_ones_have_caught_up() -> None:
    rules = Rules(1000, 3, timedelta(hours=1), by_file=True)

    assert sizes_of(due(files(5, 5, 6, 400), rules, NOW_MS)) == [5, 5, 6]
    assert sizes_of(due(files(100, 150, 150, 400), rules, NOW_MS)) == [100, 150, 150, 400]
    assert sizes_of(due(files(5, 5, 400), rules, NOW_MS)) == []


def test_due_takes_two_files_where_it_was_asked_for() -> None:
    rules = Rules(1000, 3, timedelta(hours=1), by_file=True, eager=True)

    assert sizes_of(due(files(5, 400), rules, NOW_MS)) == [5, 400]
    assert sizes_of(due(files(5), rules, NOW_MS)) == []


@pytest.mark.parametrize("by_file", [False, True])
def test_due_of_no_files_is_nothing(by_file: bool) -> None:
    rules = Rules(1000, 3, timedelta(hours=1), by_file=by_file)

    assert due(FILES_SCHEMA.to_frame(), rules, NOW_MS).files.is_empty()


@given(st.lists(st.integers(1, 120), max_size=300))
def test_due_by_file_writes_a_byte_again_only_as_often_as_the_table_doubles(batches: list[int]) -> None:
    rules = Rules(2**40, 3, timedelta(hours=1), by_file=True)
    sizes: list[int] = []
    written = 0
    for batch in batches:
        sizes.append(batch)
        chosen = sizes_of(due(files(*sizes), rules, NOW_MS))
        if chosen:
            written += sum(chosen)
            for one in chosen:
                sizes.remove(one)
            sizes.append(sum(chosen))

    assert written <= sum(batches) * max(1, sum(batches).bit_length())
    assert len(sizes) <= 2 * max(1, sum(batches).bit_length()) + rules.min_files


def test_due_by_file_tells_how_many_are_worth_it_not_how_many_are_small() -> None:
    rules = Rules(1000, 3, timedelta(hours=1), by_file=True)

    found = due(files(5, 5, 100, 400), rules, NOW_MS)

    assert found.files.is_empty()
    assert (found.small, found.most, found.unsettled) == (4, 2, 0)
