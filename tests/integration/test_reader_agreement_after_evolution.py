"""A table that has grown, by columns, fields and wider types, is the same to every reader."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, QueryBuilder

from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from tests.readers import ask_duckdb, needs_readers

FIRST = pl.DataFrame(
    {
        "n": [1, 2],
        "p": ["a", None],
        "i": [-128, None],
        "u": [2**32 - 1, None],
        "f": [0.1, None],
        "whole": [2**31 - 1, None],
        "amount": [Decimal("-999.99"), None],
        "day": [dt.date(1, 1, 1), None],
        "s": [{"a": 1}, None],
        "l": [[{"a": 1}, None], None],
    },
    schema_overrides={
        "i": pl.Int8,
        "u": pl.UInt32,
        "f": pl.Float32,
        "whole": pl.Int32,
        "amount": pl.Decimal(5, 2),
        "s": pl.Struct({"a": pl.Int32}),
        "l": pl.List(pl.Struct({"a": pl.Int32})),
    },
)
SECOND = pl.DataFrame(
    {
        "more": ["x", None],
        "n": [3, 4],
        "p": ["a", "b"],
        "i": [2**40, 0],
        "u": [2**64 - 1, 0],
        "f": [0.1, 0.0],
        "whole": [0.5, 0.0],
        "amount": [Decimal("12345678.1234"), Decimal("0.0001")],
        "day": [dt.datetime(2026, 1, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)],
        "s": [{"b": "y", "a": 2**40}, {"b": None, "a": None}],
        "l": [[{"b": "z", "a": 2**40}], []],
    },
    schema_overrides={
        "u": pl.UInt64,
        "amount": pl.Decimal(12, 4),
        "day": pl.Datetime("us", "UTC"),
        "s": pl.Struct({"b": pl.String, "a": pl.Int64}),
        "l": pl.List(pl.Struct({"b": pl.String, "a": pl.Int64})),
    },
)
THIRD = pl.DataFrame({"n": [5], "p": ["c"], "flag": [True], "s": [{"c": 1.5}]})

QUERY = """
    select n, p, i, u::varchar, f, whole, amount::varchar, epoch_us("day"), s.a, s.b, s.c,
        array_to_string(list_transform(l, x -> coalesce(x.a::varchar, '-') || coalesce(x.b, '-')), ','),
        more, flag
    from t order by n
"""
_F32, _YEAR_1, _2026, _HOUR = 0.10000000149011612, -62135596800000000, 1767225600000000, 3_600_000_000
_NO, _Z = [None, None], [None, f"{2**40}z", "x", None]
EXPECTED = [
    [1, "a", -128, "4294967295", _F32, 2.0**31 - 1, "-999.9900", _YEAR_1, 1, None, None, "1-,--", *_NO],
    [2, *[None] * 13],
    [3, "a", 2**40, "18446744073709551615", 0.1, 0.5, "12345678.1234", _2026 + _HOUR, 2**40, "y", *_Z],
    [4, "b", 0, "0", 0.0, 0.0, "0.0001", _2026, None, None, None, "", None, None],
    [5, "c", *[None] * 8, 1.5, None, None, True],
]


def answer(frame: pl.DataFrame) -> list[list[Any]]:
    """The answer to `QUERY`, from a frame that some reader gave."""
    a, b = (pl.element().struct.field(name).cast(pl.String).fill_null("-") for name in ("a", "b"))
    found = frame.sort("n").select(
        *("n", "p", "i", pl.col("u").cast(pl.String), "f", "whole", pl.col("amount").cast(pl.String)),
        pl.col("day").dt.epoch("us"),
        *(pl.col("s").struct.field(name) for name in ("a", "b", "c")),
        pl.col("l").list.eval(a + b).list.join(",").alias("l"),
        *("more", "flag"),
    )
    return [list(row) for row in found.rows()]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = str(tmp_path_factory.mktemp("agreement") / "table")
    for batch, rows in enumerate([FIRST, SECOND, THIRD], 1):
        with TableWriter(uri, partition_by=["p"], buffer_bytes=2**20) as writer:
            writer.write(rows)
            files = writer.finish()
        options: dict[str, Any] = {"schema": rows.schema, "partition_by": ["p"]}
        commit_batch(uri, open_table(uri), app_id="a", batch=batch, files=files, **options)
    return uri


def test_polars_reads_a_table_that_has_grown(table: str) -> None:
    rows = pl.scan_delta(table)

    assert answer(rows.collect()) == EXPECTED
    assert rows.filter(pl.col("flag").is_null()).collect()["n"].sort().to_list() == [1, 2, 3, 4]
    assert rows.filter(pl.col("i") < 0).collect()["n"].to_list() == [1]
    assert rows.filter(pl.col("more") == "x").collect()["n"].to_list() == [3]


def test_pyarrow_reads_a_table_that_has_grown(table: str) -> None:
    rows = DeltaTable(table).to_pyarrow_dataset()

    found = pl.from_arrow(rows.to_table())
    assert isinstance(found, pl.DataFrame)
    assert answer(found) == EXPECTED
    for name, there in {"flag": [5], "more": [3], "i": [1, 3, 4], "f": [1, 3, 4]}.items():
        absent = pc.field(name).is_null()
        found_absent, found_there = (rows.to_table(filter=one)["n"].sort() for one in (absent, ~absent))
        assert found_there.to_pylist() == there  # row objects allowed: a test
        assert sorted([*found_absent.to_pylist(), *there]) == [1, 2, 3, 4, 5]  # row objects allowed: a test
    assert rows.to_table(filter=pc.field("i") < 0)["n"].to_pylist() == [1]
    assert rows.to_table(filter=pc.field("more") == "x")["n"].to_pylist() == [3]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("flag is null", [1, 2, 3, 4]), ("flag is not null", [5]), ("i < 0", [1]), ("more = 'x'", [3])],
)
def test_delta_rs_reads_a_table_that_has_grown(table: str, condition: str, expected: list[int]) -> None:
    engine = QueryBuilder().register("t", DeltaTable(table))

    assert answer(pl.DataFrame(engine.execute("select * from t").read_all())) == EXPECTED
    found = engine.execute(f"select n from t where {condition} order by n").read_all()
    assert pl.DataFrame(found)["n"].to_list() == expected


@needs_readers
def test_duckdb_reads_a_table_that_has_grown(table: str) -> None:
    assert ask_duckdb(table, QUERY) == json.loads(json.dumps(EXPECTED))
    conditions = "flag is null", "flag is not null", "i < 0", "more = 'x'"
    asked = [ask_duckdb(table, f"select n from t where {one} order by n") for one in conditions]
    assert asked == [[[1], [2], [3], [4]], [[5]], [[1]], [[3]]]
