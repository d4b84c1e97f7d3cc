"""Replacements beside other writers: as if one came after the other, or refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from polars.testing import assert_frame_equal

from storage.errors import StaleReadError
from storage.filesystem import delta_storage_options
from storage.tables.replacing.partition_keys import partition_of
from storage.tables.replacing.replacement import Replacement, commit_replacement
from tests.storage.replacing.replacements import (
    append,
    opened,
    plus_100,
    read,
    replace,
    replacement,
    rows,
    written,
)


def test_delta_rs_goes_on_after_commit_replacement(uri: str) -> None:
    append(uri, rows([5], "c %é/"))
    replace(uri, plus_100, p="c %é/")
    replace(uri, plus_100, operation="OPTIMIZE")
    options = delta_storage_options(uri)

    opened(uri).create_checkpoint()
    write_deltalake(opened(uri), rows([6], "c %é/"), mode="append")
    opened(uri).update({"x": "x + 1"}, predicate="p = 'c %é/'")
    opened(uri).delete("n = 1")
    opened(uri).optimize.compact()
    removed = opened(uri).vacuum(0, dry_run=False, enforce_retention_duration=False)
    opened(uri).create_checkpoint()

    assert len(removed) >= 4
    assert read(uri).rows() == [
        (2, 100, "a"),
        (3, 0, "b"),
        (4, 100, "a"),
        (5, 101, "c %é/"),
        (6, 1, "c %é/"),
    ]
    replace(uri, plus_100, whole=True)
    assert read(uri)["x"].to_list() == [200, 100, 200, 201, 101]
    assert DeltaTable(uri, version=2, storage_options=options).version() == 2


@pytest.mark.parametrize(
    "writer", [append, lambda uri, more: write_deltalake(opened(uri), more, mode="append")]
)
def test_commit_replacement_follows_appends_to_other_partitions(uri: str, writer: Any) -> None:
    table = opened(uri)
    one = replacement(uri, table, plus_100)
    writer(uri, rows([5], "b"))
    writer(uri, rows([6], "c"))

    assert commit_replacement(uri, table, one) == 4
    assert read(uri)["x"].to_list() == [100, 100, 0, 100, 0, 0]


def test_commit_replacement_that_reads_nothing_follows_appends_to_its_partition(uri: str) -> None:
    table = opened(uri)
    one = replacement(uri, table, plus_100, reads=frozenset())
    append(uri, rows([5]))

    assert commit_replacement(uri, table, one) == 3
    assert read(uri)["x"].to_list() == [100, 100, 0, 100, 0]


def _add_column(table: DeltaTable) -> None:
    more = rows([5], "b").with_columns(more=pl.lit(1))
    write_deltalake(table, more, mode="append", schema_mode="merge")


CLASHES: dict[str, tuple[Any, dict[str, Any]]] = {
    "rows of the partition": (lambda t: write_deltalake(t, rows([5]), mode="append"), {}),
    "rows of any partition": (lambda t: write_deltalake(t, rows([5], "z"), mode="append"), {"reads": "all"}),
    "is gone": (lambda t: t.delete("n = 1"), {"reads": frozenset()}),
    "is gone, compacted": (lambda t: t.optimize.compact(), {}),
    "columns": (_add_column, {"reads": frozenset()}),
    "properties": (
        lambda t: t.alter.set_table_properties({"delta.checkpointInterval": "7"}),
        {"reads": frozenset()},
    ),
    "same application": (
        lambda t: write_deltalake(
            t,
            rows([5], "z"),
            mode="append",
            commit_properties=CommitProperties(app_transactions=[Transaction("app", 1)]),
        ),
        {"reads": frozenset(), "transactions": {"app": 2}},
    ),
}


@pytest.mark.parametrize("clash", CLASHES)
def test_commit_replacement_of_what_others_changed_is_refused(local_uri: str, clash: str) -> None:
    theirs, options = CLASHES[clash]
    table = opened(local_uri)
    one = replacement(local_uri, table, plus_100, **options)
    theirs(opened(local_uri))
    before = read(local_uri)

    with pytest.raises(StaleReadError) as refused:
        commit_replacement(local_uri, table, one)

    assert clash.partition(",")[0].partition(" of any")[0] in str(refused.value)
    assert_frame_equal(read(local_uri), before)
    assert opened(local_uri).version() == 2


# Each as what it does to a table that may be stale, and as what it does to its rows.
THEIRS: dict[str, tuple[Any, Any]] = {
    "append": (
        lambda t: write_deltalake(t, rows([9]), mode="append"),
        lambda f: pl.concat([f, rows([9])]),
    ),
    "append elsewhere": (
        lambda t: write_deltalake(t, rows([9], "z"), mode="append"),
        lambda f: pl.concat([f, rows([9], "z")]),
    ),
    "delete": (lambda t: t.delete("n = 1"), lambda f: f.filter(pl.col("n") != 1)),
    "delete of what ours makes": (lambda t: t.delete("x >= 100"), lambda f: f.filter(pl.col("x") < 100)),
    "delete of a partition": (lambda t: t.delete("p = 'a'"), lambda f: f.filter(pl.col("p") != "a")),
    "update": (
        lambda t: t.update({"x": "x + 1"}, predicate="p = 'a'"),
        lambda f: f.with_columns(pl.when(p="a").then(pl.col("x") + 1).otherwise("x").alias("x")),
    ),
    "update elsewhere": (
        lambda t: t.update({"x": "x + 1"}, predicate="p = 'b'"),
        lambda f: f.with_columns(pl.when(p="b").then(pl.col("x") + 1).otherwise("x").alias("x")),
    ),
    "compact": (lambda t: t.optimize.compact(), lambda f: f),
    "merge": (
        lambda t: (
            t.merge(rows([1, 9], x=5), "s.n = t.n and s.p = t.p", source_alias="s", target_alias="t")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        ),
        lambda f: pl.concat([f.filter(~pl.col("n").is_in([1, 9])), rows([1, 9], x=5)]),
    ),
    "overwrite": (
        lambda t: write_deltalake(t, rows([7]), mode="overwrite", predicate="p = 'a'"),
        lambda f: pl.concat([f.filter(pl.col("p") != "a"), rows([7])]),
    ),
}


def _insert_9(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if 9 in frame.filter(p="a")["n"] else pl.concat([frame, rows([9], x=100)])


# Each as how it makes a replacement, and as what it does to the rows.
OURS: dict[str, tuple[Any, Any]] = {
    "rewrite": (
        lambda uri, t: replacement(uri, t, plus_100),
        lambda f: pl.concat([plus_100(f.filter(p="a")), f.filter(pl.col("p") != "a")]),
    ),
    "insert": (
        lambda uri, _: Replacement(
            [],
            written(uri, rows([9], x=100)),
            "MERGE",
            True,
            frozenset({partition_of({"p": "a"})}),
            {"commit_id": "i"},
        ),
        _insert_9,
    ),
    "compact": (
        lambda uri, t: replacement(uri, t, lambda f: f, data_change=False, operation="OPTIMIZE"),
        lambda f: f,
    ),
    "empty": (lambda uri, t: replacement(uri, t, pl.DataFrame.clear), lambda f: f.filter(pl.col("p") != "a")),
}


def _applied(frame: pl.DataFrame, changes: list[Any]) -> pl.DataFrame:
    for change in changes:
        frame = change(frame)
    return frame.sort("n", "x", "p")


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])
@pytest.mark.parametrize("theirs", THEIRS)
@pytest.mark.parametrize("ours", OURS)
def test_commit_replacement_raced_by_delta_rs_is_as_if_one_after_the_other(
    local_uri: str, ours: str, theirs: str, ours_first: bool
) -> None:
    (make, ours_changes), (do, theirs_changes) = OURS[ours], THEIRS[theirs]
    table, stale, rows_before = opened(local_uri), opened(local_uri), read(local_uri)
    one = make(local_uri, table)
    turns = [
        (lambda: commit_replacement(local_uri, table, one), ours_changes),
        (lambda: do(stale), theirs_changes),
    ]
    changes = []
    for turn, change in turns if ours_first else reversed(turns):
        before = opened(local_uri).version()
        try:
            turn()
        except (StaleReadError, CommitFailedError) as refused:
            assert opened(local_uri).version() == before, refused
        else:
            changes.append(change)

    found, orders = read(local_uri), (changes, changes[::-1])
    assert any(found.equals(_applied(rows_before, order)) for order in orders)
    pyarrow = pl.DataFrame(opened(local_uri).to_pyarrow_table()).select("n", "x", "p").sort("n", "x", "p")
    assert_frame_equal(pyarrow, found)


@pytest.mark.parametrize("data_change", [True, False])
def test_appends_of_ours_follow_a_replacement_that_they_have_not_seen(uri: str, data_change: bool) -> None:
    stale = opened(uri)
    replace(uri, plus_100, data_change=data_change)

    append(uri, rows([9]), stale)

    assert read(uri)["x"].to_list() == [100, 100, 0, 100, 0]


def test_commit_replacement_raced_by_others_loses_no_update(uri: str) -> None:
    def add_up(turns: int) -> int:
        lost = 0
        while turns:
            try:
                replace(uri, lambda frame: frame.with_columns(pl.col("x") + 1))
                turns -= 1
            except StaleReadError:
                lost += 1
        return lost

    with ThreadPoolExecutor(3) as writers:
        list(writers.map(add_up, [4] * 3))

    assert read(uri)["x"].to_list() == [12, 12, 0, 12]
    assert opened(uri).version() == 1 + 12
