"""Whatever a layout asks for: the same rows, and bounds that bound."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from config.table import Layout, Table
from storage.errors import TableSchemaError
from storage.layout.encodings import Encodings
from storage.layout.file_layout import FileLayout
from storage.layout.leaf_options import check_layout
from storage.layout.parquet_file import encode_parquet
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from tests.storage.layout.frames import tables

_QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def events(rows: int) -> pl.DataFrame:
    n = pl.Series("n", range(rows))
    return pl.DataFrame(
        {
            "day": (n // 1_000).cast(pl.String),
            "n": n,
            "key": [f"key-{one * 7_919 % rows}" for one in range(rows)],
            "at": n.cast(pl.Datetime("us", "UTC")),
            "actor": pl.DataFrame(
                {"id": n % 97, "name": [f"user-{one % 97}" for one in range(rows)]}
            ).to_struct(),
            "tags": [[f"tag-{one % 5}"] for one in range(rows)],
            "ratio": n / 7,
        }
    )


def written(uri: str, frame: pl.DataFrame, layout: FileLayout, **options: Any) -> DeltaTable:
    by = options.pop("partition_by", ())
    with TableWriter(uri, partition_by=by, layout=layout, **{"buffer_bytes": 2**22} | options) as writer:
        for part in frame.iter_slices(3_000):
            writer.write(part)
        files = writer.finish()
    commit_batch(uri, open_table(uri), app_id="t", batch=1, files=files, schema=frame.schema, partition_by=by)
    return DeltaTable(uri)


def test_file_layout_of_a_table_leaves_out_partition_columns() -> None:
    table = Table(
        uri="s3://b/t",
        partition_by=("day",),
        layout=Layout(z_order_by=("day", "n"), bloom=("day", "key"), statistics=("day", "at")),
    )

    layout = FileLayout.of(table)

    assert (layout.z_order_by, layout.bloom, layout.statistics) == (("n",), ("key",), ("at",))
    assert FileLayout.of(Table(uri="s3://b/t", sort_by=("n",))) == FileLayout(sort_by=("n",))


@pytest.mark.parametrize(
    "layout",
    [
        FileLayout(sort_by=("actor.id", "at")),
        FileLayout(z_order_by=("actor.name", "n")),
        FileLayout(bloom=("key", "actor.id", "at")),
        FileLayout(statistics=("n", "actor.id")),
        FileLayout(file_size=2**15, row_group_rows=1_024),
    ],
)
def test_rows_of_any_layout_are_what_was_written(tmp_path: Path, layout: FileLayout) -> None:
    frame = events(9_000)

    table = written(str(tmp_path / "t"), frame, layout, partition_by=["day"])

    read = pl.scan_delta(table).collect().select(frame.columns)
    assert_frame_equal(read.sort("n"), frame)
    engine = QueryBuilder().register("t", table)
    counted = pl.DataFrame(engine.execute("select count(*), sum(n), count(distinct key) from t").read_all())
    assert counted.row(0) == (9_000, frame["n"].sum(), frame["key"].n_unique())


@_QUICK
@given(frames=tables(parts=1), drawn=st.data())
def test_encode_parquet_in_any_encoding_keeps_rows(frames: list[pl.DataFrame], drawn: st.DataObject) -> None:
    (frame,) = frames
    frame = frame.cast({pl.Categorical: pl.String})
    layout = FileLayout(
        row_group_rows=drawn.draw(st.integers(1, 4)),
        statistics=drawn.draw(st.sampled_from([None, tuple(frame.columns[:1])])),
    )

    for encodings in (None, Encodings(()), Encodings((), deltas_of(frame))):
        data = encode_parquet(frame, layout, encodings).data
        for columns in (pl.DataFrame(pq.read_table(io.BytesIO(data))), pl.read_parquet(io.BytesIO(data))):
            assert_frame_equal(columns, frame, check_dtypes=False, check_exact=True)


def deltas_of(frame: pl.DataFrame) -> dict[str, str]:
    kinds = {pl.Int64: "DELTA_BINARY_PACKED", pl.String: "DELTA_BYTE_ARRAY", pl.Float64: "BYTE_STREAM_SPLIT"}
    return {name: kinds[type(kind)] for name, kind in frame.schema.items() if type(kind) in kinds}


@pytest.mark.parametrize("rows", [1, 9_000])
def test_encode_parquet_with_named_statistics_tells_no_bounds_of_others(rows: int) -> None:
    parquet = encode_parquet(events(rows), FileLayout(statistics=("n", "actor.id")))

    stats = json.loads(parquet.stats)
    assert set(stats["minValues"]) == set(stats["maxValues"]) == {"n", "actor"}
    assert set(stats["nullCount"]) == set(events(1).columns) - {"tags"}
    group = pq.read_metadata(io.BytesIO(parquet.data)).row_group(0)
    columns = [group.column(position) for position in range(group.num_columns)]
    bounded = {one.path_in_schema for one in columns if one.is_stats_set}
    assert bounded == {"n", "actor.id", "actor.name"}


def test_null_counts_without_bounds_are_those_of_the_rows() -> None:
    frame = pl.DataFrame({"n": [1, 2, 3], "s": [{"x": 1}, None, {"x": None}], "t": ["a", None, "b"]})

    stats = json.loads(encode_parquet(frame, FileLayout(statistics=("n",), row_group_rows=2)).stats)

    assert stats["nullCount"] == {"n": 0, "s": {"x": 2}, "t": 1}


def test_text_longer_than_a_footer_tells_has_bounds_in_the_log() -> None:
    frame = pl.DataFrame({"t": ["b" * 5_000, "a", None], "s": [{"t": "c"}, {"t": "d" * 5_000}, None]})

    stats = json.loads(encode_parquet(frame, FileLayout(row_group_rows=2)).stats)

    assert stats["minValues"] == {"t": "a", "s": {"t": "c"}}
    assert stats["maxValues"] == {"t": "b" * 31 + "c", "s": {"t": "d" * 31 + "e"}}
    assert stats["nullCount"] == {"t": 1, "s": {"t": 1}}


def test_a_table_of_named_statistics_says_so_and_loses_no_rows_in_pyarrow(tmp_path: Path) -> None:
    frame = events(100)

    table = written(str(tmp_path / "t"), frame, FileLayout(statistics=("n", "actor.id")))

    assert table.metadata().configuration["delta.dataSkippingStatsColumns"] == "`n`,`actor`,`tags`"
    with duckdb.connect() as connection:
        for source in (table.to_pyarrow_dataset(), frame):
            found = connection.sql(
                "select count(*) from source where key = 'key-19' and ratio > 0"
            ).fetchall()
            assert found == [(1,)], source


def test_a_table_that_tells_fewer_bounds_from_now_on_says_so_before(tmp_path: Path) -> None:
    uri, frame = str(tmp_path / "t"), events(100)
    written(uri, frame, FileLayout())
    with TableWriter(uri, layout=FileLayout(statistics=("n",)), buffer_bytes=2**20) as writer:
        writer.write(frame)
        files = writer.finish()

    commit_batch(uri, open_table(uri), app_id="t", batch=2, files=files, schema=frame.schema)

    table = DeltaTable(uri)
    assert table.metadata().configuration["delta.dataSkippingStatsColumns"] == "`n`,`tags`"
    dataset = table.to_pyarrow_dataset()
    assert dataset.to_table(filter=ds.field("ratio") >= 0).num_rows == 200


def test_large_partitions_become_files_of_the_size_that_the_layout_wants(tmp_path: Path) -> None:
    frame = events(40_000).with_columns(noise=pl.int_range(40_000).hash(1))

    layout = FileLayout(sort_by=("n",), file_size=2**16, row_group_rows=1_024)
    table = written(str(tmp_path / "t"), frame, layout, buffer_bytes=2**26)

    sizes = pl.DataFrame(table.get_add_actions(flatten=True)).sort("min.n")
    assert sizes.height > 4
    assert sizes["size_bytes"].is_between(2**14, 2**18).all()
    assert (sizes["min.n"][1:] > sizes["max.n"][:-1]).all()


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("nope", FileLayout(bloom=("nope",))),
        ("actor", FileLayout(bloom=("actor",))),
        ("tags", FileLayout(bloom=("tags",))),
        ("ratio", FileLayout(bloom=("ratio",))),
        ("nope", FileLayout(statistics=("nope",))),
        ("actor", FileLayout(statistics=("actor",))),
        ("actor.nope", FileLayout(z_order_by=("actor.nope",))),
        ("tags", FileLayout(z_order_by=("tags",))),
    ],
)
def test_check_layout_of_unsuitable_columns_names_them(name: str, layout: FileLayout) -> None:
    with pytest.raises(TableSchemaError, match=name):
        check_layout(events(1).schema, layout)
