"""Bloom filters: readers that go by them read less, and nobody loses a row."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from storage.layout.file_layout import FileLayout
from storage.layout.parquet_file import encode_parquet

_ROWS = 6_000
_COLUMNS = ("i8", "i16", "i32", "i64", "dec9", "dec38", "t", "b", "d", "ts", "s.x")
_LAYOUT = FileLayout(row_group_rows=1_024, bloom=_COLUMNS)


def scattered() -> pl.DataFrame:
    n = pl.int_range(_ROWS, eager=True) * 7_919 % _ROWS
    return pl.DataFrame(
        {
            "i8": (n % 100).cast(pl.Int8),
            "i16": n.cast(pl.Int16),
            "i32": n.cast(pl.Int32),
            "i64": n * 10**12,
            "dec9": n.cast(pl.Decimal(9, 2)),
            "dec38": n.cast(pl.Decimal(38, 6)),
            "t": n.cast(pl.String),
            "b": n.cast(pl.String).cast(pl.Binary),
            "d": n.cast(pl.Int32).cast(pl.Date),
            "ts": (n * 10**9).cast(pl.Datetime("us", "UTC")),
            "s": pl.DataFrame({"x": n.cast(pl.String)}).to_struct(),
        }
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bloom") / "file.parquet"
    path.write_bytes(encode_parquet(scattered(), _LAYOUT).data)
    return path


def test_encode_parquet_gives_filters_to_the_named_columns_alone() -> None:
    frame = scattered()
    layout = FileLayout(row_group_rows=1_024, bloom=("t", "s.x", "a partition column"))

    footer = pq.read_metadata(io.BytesIO(encode_parquet(frame, layout).data))

    for group in (footer.row_group(number) for number in range(footer.num_row_groups)):
        columns = [group.column(position) for position in range(group.num_columns)]
        filters = {one.path_in_schema: one.bloom_filter_length for one in columns if one.bloom_filter_offset}
        assert set(filters) == {"t", "s.x"}
        assert all(length < 2 * 1_024 for length in filters.values())


@pytest.mark.parametrize("column", _COLUMNS)
def test_readers_find_every_row_of_a_column_with_a_filter(path: Path, column: str) -> None:
    key = pl.col("s").struct.field("x") if column == "s.x" else pl.col(column)
    frame = scattered()
    with duckdb.connect() as connection:
        connection.sql("set timezone = 'UTC'")
        for value in frame.select(key.gather([0, 17, _ROWS - 1])).to_series():
            expected = frame.filter(key == value).height
            found = connection.execute(
                f"select count(*) from '{path}' where {column} = ?", [value]
            ).fetchone()
            assert found == (expected,)
            assert pl.scan_parquet(path).filter(key == value).collect().height == expected
            field = ds.field("s", "x") if column == "s.x" else ds.field(column)
            assert ds.dataset(path).to_table(filter=field == value).num_rows == expected


@pytest.mark.parametrize(("column", "value"), [("t", "17 but not quite"), ("i64", "123456789")])
def test_duckdb_skips_row_groups_by_the_filter(path: Path, column: str, value: str) -> None:
    with duckdb.connect() as connection:
        probed = connection.execute(
            "select bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)", [str(path), column, value]
        ).fetchall()

    assert len(probed) == 6
    assert sum(excluded for (excluded,) in probed) >= 4


def test_dates_and_times_before_the_epoch_are_found_by_the_filter(tmp_path: Path) -> None:
    frame = pl.DataFrame({"d": [dt.date(1, 1, 1), dt.date(9999, 12, 31)]})
    path = tmp_path / "file.parquet"
    path.write_bytes(encode_parquet(frame, FileLayout(bloom=("d",))).data)

    with duckdb.connect() as connection:
        assert connection.sql(f"select count(*) from '{path}' where d = date '0001-01-01'").fetchall() == [
            (1,)
        ]
