"""Rows that come from memory: the same as those of the files, read once, in memory that is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, WriterProperties, write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.skipping.cache import Cache
from storage.skipping.decoded import Decoded
from storage.skipping.fragments import Fragments
from storage.skipping.reader import read_table
from storage.skipping.store import Fetched

ROWS, GROUP_ROWS = 1000, 300
COLUMNS = ["id", "text", "list", "struct", "day"]
FRAME = pl.DataFrame(
    {
        "id": range(ROWS),
        "text": [None if one % 7 == 0 else f"text {one % 50}" for one in range(ROWS)],
        "list": [[one] * (one % 4) for one in range(ROWS)],
        "struct": [{"a": one, "b": "x" * (one % 9)} for one in range(ROWS)],
        "day": [f"2026-01-0{1 + one % 2}" for one in range(ROWS)],
    }
)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A table of two partitions, a file each, of several row groups."""
    uri = tmp_path_factory.mktemp("decoded") / "table"
    groups = WriterProperties(max_row_group_size=GROUP_ROWS)
    write_deltalake(uri, FRAME.to_arrow(), partition_by=["day"], writer_properties=groups)
    return str(uri)


class Reading:
    """The files of a table, read by way of a cache; and what that fetched of them."""

    def __init__(self, uri: str, cache: Cache) -> None:
        self.fetched = Fetched()
        table = DeltaTable(uri)
        self.fragments = Fragments(uri, table, self.fetched, cache)
        self.decoded = Decoded(self.fragments, cache)
        self.files = read_table(uri).files().sort("path")

    def piece(self, file: int, groups: Sequence[int]) -> Any:
        """Row groups of a file, by their numbers."""
        fragment = self.fragments.of(self.files[file : file + 1])[0]
        return self.fragments.with_footer(fragment).subset(row_group_ids=list(groups))

    def rows(self, file: int, groups: Sequence[int], columns: Sequence[str], batch_rows: int = 128) -> Any:
        """Their rows as a `pyarrow.Table`."""
        return pa.Table.from_batches(self.decoded.batches(self.piece(file, groups), columns, batch_rows))


def test_batches_asked_for_again_come_from_memory(uri: str) -> None:
    reading = Reading(uri, Cache(2**24))

    first = reading.rows(0, [0, 1], COLUMNS)
    fetched = reading.fetched.bytes
    again = reading.rows(0, [0, 1], COLUMNS)

    assert again.equals(first)
    assert fetched > 0
    assert reading.fetched.bytes == fetched
    assert again["id"].chunk(0).buffers()[1].address == first["id"].chunk(0).buffers()[1].address


def test_batches_of_more_columns_read_the_new_ones_alone(uri: str) -> None:
    reading, other = Reading(uri, Cache(2**24)), Reading(uri, Cache(2**24))
    reading.rows(0, [0], ["text", "struct"])
    before = reading.fetched.bytes
    other.rows(0, [0], ["id"])

    both = reading.rows(0, [0], ["text", "id"])

    footer = Reading(uri, Cache(0))
    footer.piece(0, [0])
    assert both.column_names == ["text", "id"]
    assert reading.fetched.bytes - before == other.fetched.bytes - footer.fetched.bytes


def test_batches_asked_for_by_many_at_once_are_read_once(uri: str) -> None:
    alone = Reading(uri, Cache(2**24))
    alone.rows(1, [0, 1], COLUMNS)
    reading = Reading(uri, Cache(2**24))
    reading.piece(1, [0])

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: reading.rows(1, [0, 1], COLUMNS), range(8)))

    assert all(one.equals(found[0]) for one in found)
    assert reading.fetched.bytes == alone.fetched.bytes


def test_batches_without_a_cache_are_read_each_time(uri: str) -> None:
    reading = Reading(uri, Cache(0))

    first, again = reading.rows(0, [0], COLUMNS), reading.rows(0, [0], COLUMNS)

    alone = Reading(uri, Cache(0))
    assert alone.rows(0, [0], COLUMNS).equals(first)
    assert again.equals(first)
    assert reading.fetched.bytes == 2 * alone.fetched.bytes


def test_batches_of_a_piece_that_is_large_for_the_cache_are_not_kept(uri: str) -> None:
    cache = Cache(20_000)
    reading = Reading(uri, cache)

    found = reading.rows(0, [0, 1], COLUMNS)

    assert found.nbytes > 20_000 // 8
    assert found.equals(Reading(uri, Cache(0)).rows(0, [0, 1], COLUMNS))
    assert all(cache.get((reading.piece(0, [0]).path, 0, name, found.schema.field(name).type)) is None
               for name in COLUMNS)  # fmt: skip


def test_memory_that_is_kept_is_what_the_cache_counts(uri: str) -> None:
    cache = Cache(2**24)
    reading = Reading(uri, cache)
    footers = [reading.piece(file, [0]) for file in (0, 1)]
    counted = cache.bytes

    tables = [reading.rows(file, [0, 1], [name]) for file in (0, 1) for name in COLUMNS]

    assert len(footers) == 2
    held = sum(one.get_total_buffer_size() for one in tables)
    assert held <= 1.1 * (cache.bytes - counted)


def test_a_column_that_became_wider_is_not_taken_from_memory(tmp_path: Path) -> None:
    uri, cache = str(tmp_path / "table"), Cache(2**24)
    write_deltalake(uri, pl.DataFrame({"n": pl.Series([1], dtype=pl.Int32)}).to_arrow())
    narrow = Reading(uri, cache).rows(0, [0], ["n"])

    later = Reading(uri, cache)
    later.fragments.schema = pa.schema({"n": pa.int64()})
    found = later.rows(0, [0], ["n"])

    assert narrow.schema.field("n").type == pa.int32()
    assert found.schema.field("n").type == pa.int64()
    assert found["n"].to_pylist() == [1]


asked = st.tuples(
    st.integers(0, 1),
    st.sets(st.integers(0, 1), min_size=1).map(sorted),
    st.lists(st.sampled_from(COLUMNS), unique=True, min_size=1),
    st.sampled_from([1, 64, 299, 300, 1000]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(asked, max_size=8), st.sampled_from([0, 40_000, 200_000, 300_000, 2**24]))
def test_batches_of_any_requests_are_those_of_the_files(
    uri: str, asked: list[tuple[int, list[int], list[str], int]], most_bytes: int
) -> None:
    cache = Cache(most_bytes)
    reading = Reading(uri, cache)

    for file, groups, columns, batch_rows in asked:
        batches = list(reading.decoded.batches(reading.piece(file, groups), columns, batch_rows))

        expected = reading.fragments.in_order(reading.piece(file, groups), columns)
        assert pa.Table.from_batches(batches).equals(pa.Table.from_batches(expected))
        assert max(one.num_rows for one in batches) <= batch_rows
        assert cache.bytes <= most_bytes
