"""The bytes of a Parquet file: what is in, in which row groups, with which statistics."""

from __future__ import annotations

import io
import json
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from storage.layout.file_layout import FileLayout
from storage.layout.parquet_file import encode_parquet


def test_encode_parquet_keeps_rows_and_order() -> None:
    frame = pl.DataFrame({"n": [3, 1, None], "s": [{"a": "x"}, None, {"a": None}], "l": [[1], [], None]})

    parquet = encode_parquet(frame)

    assert pl.read_parquet(parquet.data).equals(frame)
    assert parquet.rows == json.loads(parquet.stats)["numRecords"] == 3


@pytest.mark.parametrize(
    ("rows", "groups"),
    [(0, 1), (1, 1), (99, 1), (100, 1), (149, 1), (151, 2), (250, 2), (251, 3), (1_000, 10)],
)
def test_encode_parquet_cuts_even_row_groups(rows: int, groups: int) -> None:
    footer = pq.read_metadata(
        io.BytesIO(encode_parquet(pl.DataFrame({"n": range(rows)}), FileLayout(row_group_rows=100)).data)
    )
    sizes = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]

    assert sum(sizes) == rows
    assert len(sizes) == groups or rows == 0
    assert not sizes or max(sizes) - min(sizes) <= len(sizes)


def test_encode_parquet_gives_every_leaf_statistics_and_page_indexes() -> None:
    frame = pl.DataFrame({"n": [1, 2], "s": [{"a": "x", "b": {"c": 1.5}}] * 2, "l": [["x"], ["y"]]})

    group = pq.read_metadata(io.BytesIO(encode_parquet(frame).data)).row_group(0)

    for position in range(group.num_columns):
        column = group.column(position)
        assert column.statistics.has_min_max
        assert column.statistics.has_null_count
        assert column.has_column_index
        assert column.has_offset_index
        assert column.compression == "ZSTD"


@pytest.mark.parametrize("distinct", [1, 3, 2_000])
def test_encode_parquet_keeps_each_category_of_a_row_group_once(distinct: int) -> None:
    others = pl.Series([f"category {n} of another frame" for n in range(5_000)], dtype=pl.Categorical)
    texts = pl.Series([f"a text that is long {n % distinct:04d}" for n in range(4_000)])
    categories = texts.cast(pl.Categorical)
    frame = pl.DataFrame(
        {"c": categories, "s": categories, "l": categories.reshape((4_000, 1)).arr.to_list()}
    )
    frame = frame.with_columns(s=pl.struct("s")).sort("c")

    parquet = encode_parquet(frame, FileLayout(row_group_rows=2_000))

    footer = pq.read_metadata(io.BytesIO(parquet.data))
    for group in (footer.row_group(number) for number in range(footer.num_row_groups)):
        for column in (group.column(position) for position in range(group.num_columns)):
            assert column.has_dictionary_page
            assert "RLE_DICTIONARY" in column.encodings
            text_bytes = min(distinct, 2_000) * 28
            assert column.total_uncompressed_size < text_bytes + 2 * 2_000 + 500
    stats = json.loads(parquet.stats)
    assert stats["minValues"] == {"c": texts.min(), "s": {"s": texts.min()}}
    assert stats["maxValues"] == {"c": texts.max(), "s": {"s": texts.max()}}
    assert pq.read_table(io.BytesIO(parquet.data))["c"].cast("string").to_pylist() == sorted(texts)
    assert len(others) == 5_000  # alive: their categories share a dictionary with those of the frame


@pytest.mark.parametrize("condition", ["x > 5", "x <> 1", "x = 1", "isnan(x)", "l[1] > 5", "s.x > 5"])
def test_encode_parquet_of_nan_lets_duckdb_find_it(tmp_path: Path, condition: str) -> None:
    nan = float("nan")
    frame = pl.DataFrame({"x": [1.0, nan], "l": [[nan, 1.0], [1.0]], "s": [{"x": nan}, {"x": 1.0}]})
    path = tmp_path / "nan.parquet"
    path.write_bytes(encode_parquet(frame).data)

    with duckdb.connect() as connection:
        found = connection.sql(f"select count(*) from '{path}' where {condition}").fetchall()
        connection.sql(f"create table copied as from '{path}'")
        expected = connection.sql(f"select count(*) from copied where {condition}").fetchall()

    assert found == expected
