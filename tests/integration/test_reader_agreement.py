"""A table of every type, at its extremes and under awkward partition values, is the same to every reader."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, QueryBuilder

from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from tests.readers import ask_duckdb, needs_readers
from tests.storage.layout.test_layout import AWKWARD

_UTC = dt.UTC

ROWS = pl.DataFrame(
    {
        "i64": [2**63 - 1, -(2**63), None],
        "i8": [-128, 127, None],
        "u64": [2**64 - 1, 0, None],
        "f64": [5e-324, -1.7976931348623157e308, None],
        "f32": [0.1, -0.0, None],
        "yes": [True, False, None],
        "text": ["\U0010ffff\x01 é'\"\\", "", None],
        "raw": [b"\x00\xff", b"", None],
        "amount": [Decimal("-12345678901234567890123456789012.345678"), Decimal("0.000001"), None],
        "day": [dt.date(1, 1, 1), dt.date(9999, 12, 31), None],
        "at": [
            dt.datetime(1, 1, 1, tzinfo=_UTC),
            dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=_UTC),
            None,
        ],
        "local": [
            dt.datetime(1969, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001 - a time without zone is what is tested
            dt.datetime(2026, 1, 1),  # noqa: DTZ001
            None,
        ],
        "nested": [{"a": 1, "deep": {"b": ["x", None, "z"]}}, {"a": None, "deep": None}, None],
        "lists": [[[1, 2], []], [], None],
        "group": ["A", "B", None],
        "groups": [["A", None], [], None],
        "clock": [dt.time(0), dt.time(23, 59, 59, 999999), None],
    },
    schema_overrides={
        "i8": pl.Int8,
        "u64": pl.UInt64,
        "f32": pl.Float32,
        "amount": pl.Decimal(38, 6),
        "at": pl.Datetime("us", "UTC"),
        "group": pl.Categorical,
        "groups": pl.List(pl.Categorical),
    },
)

QUERY = """
    select n, p, i64, i8, u64::varchar, f64, f32::double, yes, text, hex(raw), amount::varchar,
        datediff('day', date '1970-01-01', "day"), epoch_us("at"), epoch_us("local"), nested.a,
        array_to_string(list_transform(nested.deep.b, x -> coalesce(x, '-')), ','),
        array_to_string(list_transform(lists, x -> array_to_string(x, ';')), ','), "group",
        array_to_string(list_transform(groups, x -> coalesce(x, '-')), ','), clock
    from t order by n
"""


def answer(frame: pl.DataFrame) -> list[list[Any]]:
    """The answer to `QUERY`, from a frame that some reader gave."""
    joined = pl.col("lists").list.eval(pl.element().cast(pl.List(pl.String)).list.join(";")).list.join(",")
    found = frame.sort("n").select(
        "n",
        "p",
        "i64",
        "i8",
        pl.col("u64").cast(pl.String),
        "f64",
        pl.col("f32").cast(pl.Float64),
        "yes",
        "text",
        pl.col("raw").bin.encode("hex").str.to_uppercase(),
        pl.col("amount").cast(pl.String),
        pl.col("day").cast(pl.Int32),
        pl.col("at").dt.epoch("us"),
        pl.col("local").dt.epoch("us"),
        pl.col("nested").struct.field("a"),
        pl.col("nested")
        .struct.field("deep")
        .struct.field("b")
        .list.eval(pl.element().fill_null("-"))
        .list.join(","),
        joined.alias("lists"),
        pl.col("group").cast(pl.String),
        pl.col("groups").list.eval(pl.element().cast(pl.String).fill_null("-")).list.join(","),
        pl.col("clock")
        if frame.schema["clock"] == pl.String
        else pl.col("clock").dt.strftime("%H:%M:%S%.6f"),
    )
    return [list(row) for row in found.rows()]


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """Each of `ROWS` under each awkward partition value."""
    values = pl.DataFrame({"p": AWKWARD}, schema={"p": pl.String})
    return values.join(ROWS, how="cross").with_row_index("n").with_columns(pl.col("n").cast(pl.Int64))


@pytest.fixture(scope="module")
def table(rows: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = str(tmp_path_factory.mktemp("agreement") / "table")
    with TableWriter(
        uri, partition_by=["p"], layout=FileLayout(sort_by=("nested.a", "at")), buffer_bytes=2**20
    ) as writer:
        for part in rows.iter_slices(17):
            writer.write(part)
        files = writer.finish()
    commit_batch(uri, None, app_id="a", batch=1, files=files, schema=rows.schema, partition_by=["p"])
    return uri


def test_polars_reads_what_was_written(table: str, rows: pl.DataFrame) -> None:
    assert answer(pl.scan_delta(table).collect()) == answer(rows)


def test_pyarrow_reads_what_was_written(table: str, rows: pl.DataFrame) -> None:
    found = pl.from_arrow(DeltaTable(table).to_pyarrow_table())

    assert isinstance(found, pl.DataFrame)
    assert answer(found) == answer(rows)


def test_delta_rs_reads_what_was_written(table: str, rows: pl.DataFrame) -> None:
    found = QueryBuilder().register("t", DeltaTable(table)).execute("select * from t").read_all()

    assert answer(pl.DataFrame(found)) == answer(rows)


@needs_readers
def test_duckdb_reads_what_was_written(table: str, rows: pl.DataFrame) -> None:
    assert ask_duckdb(table, QUERY) == json.loads(json.dumps(answer(rows)))
