"""The query of a batch: every step lazy and counted, whatever its shape; the source read once, to its end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from pipelines.query import Counters, RowSource, column, counted, distinct

SCHEMA = pl.Schema({"id": pl.Int64(), "kind": pl.Int64()})


def frames(count: int = 3) -> Iterator[pl.DataFrame]:
    for number in range(count):
        yield pl.DataFrame({"id": range(5 * number, 5 * number + 5), "kind": [1, 1, 2, 2, 2]}, schema=SCHEMA)


def drawn(query: pl.LazyFrame) -> pl.DataFrame:
    empty = query.collect_schema().to_frame()
    rows: pl.DataFrame = pl.concat([empty, *query.collect_batches(maintain_order=True, engine="streaming")])
    return rows


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select * from self", 15),
        ("select id from self where kind = 1", 6),
        ("select * from self where id < 0", 0),
        ("select a.id, b.kind from self a join self b on a.id = b.id", 15),
        ("select * from self union all select * from self", 30),
        ("select kind, count(*) as n from self group by kind", 2),
        ("select * from self limit 2", 2),
    ],
)
def test_count_rows_at_each_point_of_any_query(sql: str, rows: int) -> None:
    source, counters = RowSource(frames(), SCHEMA), Counters()
    query = counted(source.scan(), counters, "in")
    query = counted(query.sql(sql), counters, "out")

    result = drawn(query)

    assert counters.rows == {"in": 15 - source.drain(), "out": rows}
    assert result.height == rows


def test_draw_keeps_the_order_of_the_rows() -> None:
    source = RowSource(frames(200), SCHEMA)
    assert drawn(source.scan().with_columns(twice=pl.col("id") * 2))["id"].to_list() == list(range(1000))


def test_drain_gives_what_a_limit_left() -> None:
    source = RowSource(frames(100_000), SCHEMA)
    counters = Counters()
    drawn(counted(source.scan(), counters, "in").limit(3))
    assert counters.rows["in"] < 500_000
    assert counters.rows["in"] + source.drain() <= 500_000
    assert source.drain() == 0


def test_draw_hands_on_the_failure_of_the_source() -> None:
    def broken() -> Iterator[pl.DataFrame]:
        yield from frames(1)
        raise OSError("the disk is gone")

    source = RowSource(broken(), SCHEMA)
    with pytest.raises(OSError, match="the disk is gone"):
        drawn(source.scan().with_columns(twice=pl.col("id") * 2))


def test_distinct_keeps_the_first_of_each_key_and_counts_by_file() -> None:
    rows = pl.DataFrame({"id": [1, 2, 1, 3, 2, 4, 4], "v": range(7), "_file_number": [0, 0, 0, 1, 1, 1, 2]})
    kept = np.zeros(3, np.int64)

    result = drawn(distinct(rows.cast({"_file_number": pl.Int32}).lazy(), ["id"], kept))

    assert result.rows() == [(1, 0), (2, 1), (3, 3), (4, 5)]
    assert kept.tolist() == [2, 2, 0]


def test_column_reaches_into_structs() -> None:
    frame = pl.DataFrame({"a": [{"b": {"c": 7}}]})
    assert frame.select(column("a.b.c")).item() == 7
