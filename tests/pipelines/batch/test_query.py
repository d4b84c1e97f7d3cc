"""The query of a batch: every step lazy and counted, whatever its shape; the source read once, to its end."""

from __future__ import annotations

from collections.abc import Generator
from threading import Event, Thread, Timer

import numpy as np
import polars as pl
import pytest

from pipelines.query import Counters, RowSource, column, counted, distinct

SCHEMA = pl.Schema({"id": pl.Int64(), "kind": pl.Int64()})


def frames(count: int = 3) -> Generator[pl.DataFrame]:
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
    source.drain()

    assert source.given == 15
    assert counters.rows["in"] == 15 or "limit" in sql or "id < 0" in sql
    assert counters.rows["out"] == result.height == rows


def test_draw_keeps_the_order_of_the_rows() -> None:
    source = RowSource(frames(200), SCHEMA)
    assert drawn(source.scan().with_columns(twice=pl.col("id") * 2))["id"].to_list() == list(range(1000))


def test_drain_counts_what_a_limit_left() -> None:
    source = RowSource(frames(10_000), SCHEMA)
    counters = Counters()
    drawn(counted(source.scan(), counters, "in").limit(3))
    assert counters.rows["in"] < 50_000
    source.drain()
    assert source.given == 50_000


def test_drain_raises_what_polars_did_not_miss() -> None:
    def broken() -> Generator[pl.DataFrame]:
        yield from frames(10_000)
        raise OSError("the disk is gone")

    source = RowSource(broken(), SCHEMA)
    drawn(counted(source.scan(), Counters(), "in").limit(3))
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is gone"):
            source.drain()


def test_close_waits_for_the_frame_that_is_being_drawn() -> None:
    begun, go_on = Event(), Event()

    def slow() -> Generator[pl.DataFrame]:
        begun.set()
        go_on.wait(10)
        yield from frames(1)

    source = RowSource(slow(), SCHEMA)
    drawing = Thread(target=source.drain)
    drawing.start()
    begun.wait(10)
    Timer(0.05, go_on.set).start()
    source.close()
    drawing.join()

    source.drain()

    assert source.given in (5, 0)


def test_draw_hands_on_the_failure_of_the_source() -> None:
    def broken() -> Generator[pl.DataFrame]:
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
