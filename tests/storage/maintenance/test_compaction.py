"""Compaction: fewer files, the same rows, narrow row groups, and nothing half done."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from storage.errors import TableError, TableSchemaError
from storage.layout.file_layout import FileLayout
from storage.maintenance import compaction
from storage.maintenance.files import check_compactable, files_of
from storage.tables.log.commits import read_commits
from tests.storage.maintenance.maintained import LAYOUT, append, compacted, hash_of, opened, rows

DAYS = ["2026-01-01", "a/b %", None]


def a_frame(first: int, count: int = 40) -> pl.DataFrame:
    ids = list(range(first, first + count))
    random.Random(first).shuffle(ids)
    return pl.DataFrame(
        {
            "id": ids,
            "day": [DAYS[one % 3] for one in ids],
            "actor": [None if one % 7 == 0 else {"id": one % 5, "score": one / 3} for one in ids],
            "tags": [[str(one), None][: one % 3] for one in ids],
        }
    )


def many_batches(uri: str, number: int = 5) -> None:
    for one in range(number):
        append(uri, a_frame(one * 17), partition_by=["day"])


def test_compaction_makes_one_file_of_each_partition_with_the_same_rows(uri: str) -> None:
    many_batches(uri)
    before, version = hash_of(uri), opened(uri).version()

    done = compacted(uri)

    assert hash_of(uri) == before
    assert (done.units, done.files_removed, done.files_added, done.rows) == (3, 15, 3, 200)
    assert sorted(files_of(opened(uri))["partition"]) == [
        '{"day":"2026-01-01"}',
        '{"day":"a/b %"}',
        '{"day":null}',
    ]
    assert hash_of(uri, version) == before


def test_compaction_sorts_across_files_so_that_row_groups_are_narrow(local_uri: str) -> None:
    for first in range(4):
        append(local_uri, pl.DataFrame({"id": range(first, 8192, 4)}))

    compacted(local_uri, FileLayout(sort_by=("id",), row_group_rows=1024))

    (path,) = opened(local_uri).file_uris()
    footer: Any = pq.read_metadata(path)
    groups = [footer.row_group(one).column(0).statistics for one in range(footer.num_row_groups)]
    assert [(one.min, one.max) for one in groups] == [(at, at + 1023) for at in range(0, 8192, 1024)]


def test_compaction_cuts_at_the_file_size_and_keeps_the_order(local_uri: str) -> None:
    for first in range(4):
        append(local_uri, pl.DataFrame({"id": range(first, 40_000, 4)}))
    size = int(files_of(opened(local_uri))["size"].sum())

    compacted(local_uri, FileLayout(sort_by=("id",), file_size=size // 3))

    ranges = sorted((one.min(), one.max()) for one in _columns(local_uri))
    assert [at for pair in ranges for at in pair] == [0, 13333, 13334, 26667, 26668, 39999]


def _columns(uri: str) -> list[pl.Series]:
    return [pl.read_parquet(path)["id"] for path in opened(uri).file_uris()]


@pytest.mark.parametrize("memory", [2**20, 2**23])
def test_compaction_with_little_memory_makes_units_of_two_files_or_more(local_uri: str, memory: int) -> None:
    for first in range(6):
        append(local_uri, pl.DataFrame({"id": range(first, 30_000, 6), "text": ["x" * 50] * 5000}))
    before = hash_of(local_uri)

    done = compacted(local_uri, memory=memory)

    assert hash_of(local_uri) == before
    assert 1 <= done.units <= 3
    assert done.files_added == done.units


def test_compaction_of_files_in_another_order_sorts_them(local_uri: str) -> None:
    for first in range(3):
        shuffled = random.Random(first).sample(range(first, 300_000, 3), 100_000)
        append(local_uri, pl.DataFrame({"id": shuffled}), layout=FileLayout())
    before = hash_of(local_uri)

    compacted(local_uri)

    assert hash_of(local_uri) == before
    (ids,) = _columns(local_uri)
    assert ids.is_sorted()


def test_compaction_without_order_keeps_the_order_of_arrival(local_uri: str) -> None:
    for first in (20, 0, 10):
        append(local_uri, pl.DataFrame({"id": range(first, first + 3)}), layout=FileLayout())

    compacted(local_uri, FileLayout())

    (ids,) = _columns(local_uri)
    assert ids.to_list() == [20, 21, 22, 0, 1, 2, 10, 11, 12]


def test_compaction_fills_columns_that_files_lack_with_null(local_uri: str) -> None:
    append(local_uri, pl.DataFrame({"id": [1]}))
    append(local_uri, pl.DataFrame({"id": [2], "more": [0.5]}))
    before = hash_of(local_uri)

    compacted(local_uri)

    assert hash_of(local_uri) == before
    assert opened(local_uri).to_pyarrow_dataset().to_table().num_rows == 2


def test_compaction_keeps_nan_and_its_rows_found(local_uri: str) -> None:
    for number in (1.0, float("nan"), float("-inf"), -0.0):
        append(local_uri, pl.DataFrame({"id": [1], "score": [number]}))
    before = hash_of(local_uri)

    compacted(local_uri)

    assert hash_of(local_uri) == before
    assert rows(local_uri).filter(pl.col("score").is_nan()).collect().height == 1


def test_compaction_takes_files_with_categories_for_text(local_uri: str) -> None:
    for text in ("a", "b"):
        append(
            local_uri, pl.DataFrame({"id": [1], "kind": [text]}, schema_overrides={"kind": pl.Categorical})
        )

    compacted(local_uri)

    assert rows(local_uri).select("kind").collect()["kind"].sort().to_list() == ["a", "b"]


def test_compaction_says_in_its_commits_that_no_data_changes(uri: str) -> None:
    many_batches(uri, 2)

    compacted(uri)

    commits = list(read_commits(uri, opened(uri).version()))[2:]
    assert [one.operation for one in commits] == ["OPTIMIZE"] * 3
    assert {one.ours["maintains"] for one in commits} == {"compact"}
    assert all(one.rows_added() and not one.transactions for one in commits)


def test_compaction_gives_a_unit_up_whose_files_others_took(local_uri: str) -> None:
    many_batches(local_uri, 2)
    table = opened(local_uri)
    files = files_of(table).sort("partition")
    DeltaTable(local_uri).delete("day = '2026-01-01'")
    before = hash_of(local_uri)

    done = compaction.compact(local_uri, table, files, LAYOUT, 2**29)

    assert (done.units, done.stale) == (2, 1)
    assert hash_of(local_uri) == before
    assert not list(Path(local_uri, "day=2026-01-01").glob("compacted-*"))


def test_compaction_beside_appends_loses_and_doubles_nothing(uri: str) -> None:
    many_batches(uri, 4)
    tables = [opened(uri), opened(uri)]
    files = [files_of(one).sort("partition") for one in tables]
    done: list[Any] = []

    def maintain(number: int) -> None:
        done.append(compaction.compact(uri, tables[number], files[number], LAYOUT, 2**29))

    threads = [threading.Thread(target=maintain, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for one in range(4, 8):
        append(uri, a_frame(one * 17), partition_by=["day"])
    for thread in threads:
        thread.join()

    wanted = pl.concat([a_frame(one * 17) for one in range(8)])
    assert sorted(rows(uri).select("id").collect()["id"]) == sorted(wanted["id"])
    assert sum(one.units for one in done) == 3
    assert sum(one.stale for one in done) == 3


def test_compaction_refuses_files_that_hold_other_rows_than_the_log_says(local_uri: str) -> None:
    append(local_uri, pl.DataFrame({"id": [1, 2]}))
    append(local_uri, pl.DataFrame({"id": [3]}))
    one = max(opened(local_uri).file_uris(), key=lambda path: pl.read_parquet(path).height)
    pl.DataFrame({"id": [1, 2, 2]}).write_parquet(one)

    with pytest.raises(TableError, match="rows that the log says"):
        compacted(local_uri)

    assert opened(local_uri).version() == 1
    assert not list(Path(local_uri).glob("compacted-*"))


def test_compaction_refuses_files_of_other_types(local_uri: str) -> None:
    append(local_uri, pl.DataFrame({"id": [1]}))
    append(local_uri, pl.DataFrame({"id": [2]}))
    pl.DataFrame({"id": ["1"]}).write_parquet(opened(local_uri).file_uris()[0])

    with pytest.raises(TableSchemaError, match="other types"):
        compacted(local_uri)


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
                      "writerFeatures": ["deletionVectors"]}},
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["rowTracking"]}},
    ],
)  # fmt: skip
def test_compaction_refuses_tables_that_ask_for_more(local_uri: str, change: dict[str, Any]) -> None:
    append(local_uri, pl.DataFrame({"id": [1]}))
    log = Path(local_uri, "_delta_log", f"{1:020}.json")
    log.write_text(json.dumps(change))

    with pytest.raises(TableSchemaError):
        check_compactable(opened(local_uri))


def test_compaction_takes_what_another_writer_wrote(local_uri: str) -> None:
    for first in range(3):
        write_deltalake(local_uri, a_frame(first * 17).to_arrow(), partition_by=["day"], mode="append")
    before = hash_of(local_uri)

    done = compacted(local_uri)

    assert (done.units, hash_of(local_uri)) == (3, before)


def test_compaction_along_a_curve_narrows_each_of_its_columns(local_uri: str) -> None:
    layout = FileLayout(z_order_by=("id", "other"), row_group_rows=1024)
    for first in range(4):
        ids = random.Random(first).sample(range(4096), 4096)
        append(local_uri, pl.DataFrame({"id": ids, "other": ids[::-1]}), layout=layout)
    before = hash_of(local_uri)

    compacted(local_uri, layout)

    assert hash_of(local_uri) == before
    (path,) = opened(local_uri).file_uris()
    footer: Any = pq.read_metadata(path)
    for column in (0, 1):
        groups = [footer.row_group(one).column(column).statistics for one in range(footer.num_row_groups)]
        assert all(one.max - one.min < 2048 for one in groups)
        assert len(groups) == 16


@pytest.mark.parametrize("distinct", [10**9, 3])
def test_compaction_of_more_rows_in_another_order_than_memory_holds_sorts_them(
    local_uri: str, distinct: int
) -> None:
    for first in range(3):
        shuffled = random.Random(first).choices(range(distinct), k=100_000)
        append(local_uri, pl.DataFrame({"id": shuffled, "n": range(100_000)}), layout=FileLayout())
    before = hash_of(local_uri)

    done = compacted(local_uri, memory=2**23)

    assert (hash_of(local_uri), done.units) == (before, 1)
    (ids,) = _columns(local_uri)
    assert ids.is_sorted()
