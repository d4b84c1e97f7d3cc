"""Data frames over ADBC: Polars, pandas, DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from polars.testing import assert_frame_equal

from config.settings import Settings
from serving.catalog import Catalog
from tests.readers import needs_readers, run_with_readers
from tests.serving.clients.conftest import LARGE_ROWS
from tests.serving.conftest import Served

PANDAS = Path(__file__).with_name("pandas_client.py")


def test_polars_reads_every_type_as_scan_does(shapes: Served, connection: Any) -> None:
    got = pl.read_database("select * from every_type", connection)

    scanned = Catalog(Settings(pipelines=shapes.folder)).open("every_type").reader.lazy().collect()
    assert_frame_equal(got, scanned, check_row_order=False, categorical_as_str=True)


def test_polars_binds_parameters(connection: Any) -> None:
    got = pl.read_database(
        "select name from large where id = ?", connection, execute_options={"parameters": [5]}
    )

    assert got.to_dicts() == [{"name": "name 5"}]


def test_polars_reads_in_batches(connection: Any) -> None:
    frames = pl.read_database("select id from large", connection, iter_batches=True, batch_size=50_000)
    sizes = [frame.height for frame in frames]

    assert sum(sizes) == LARGE_ROWS
    assert len(sizes) > 2


@needs_readers
def test_pandas_reads_every_type_into_arrow_columns(shapes: Served, connection: Any, tmp_path: Path) -> None:
    statement = "select * from every_type order by i32"

    run_with_readers(PANDAS, "query", shapes.uri, statement, str(tmp_path / "got.arrow"))

    with connection.cursor() as cursor:
        cursor.execute(statement)
        answered = cursor.fetch_arrow_table()
    got = pa.ipc.open_file(tmp_path / "got.arrow").read_all()
    assert got.cast(answered.schema).equals(answered)


@needs_readers
def test_pandas_reads_a_table_by_its_name(shapes: Served, tmp_path: Path) -> None:
    run_with_readers(PANDAS, "table", shapes.uri, "large", str(tmp_path / "got.arrow"))

    got = pa.ipc.open_file(tmp_path / "got.arrow").read_all()["id"]
    assert (len(got), pc.sum(got).as_py()) == (LARGE_ROWS, LARGE_ROWS * (LARGE_ROWS - 1) // 2)


def test_duckdb_queries_what_streams_in(cursor: Any) -> None:
    cursor.execute("select id, name from large where id < 100000")
    with duckdb.connect() as database:
        database.register("streamed", cursor.fetch_record_batch())

        assert database.sql("select count(*), max(id) from streamed").fetchall() == [(100_000, 99_999)]
