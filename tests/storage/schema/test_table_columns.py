"""The columns of a table in the words of Delta."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from storage.errors import TableSchemaError
from storage.tables.log.versions import open_version
from storage.tables.schema.columns import TableColumn, columns_for, columns_of

SCHEMA = pl.Schema(
    {
        "id": pl.Int64(),
        "small": pl.UInt8(),
        "price": pl.Decimal(12, 2),
        "at": pl.Datetime("ms", "UTC"),
        "wall": pl.Datetime("us"),
        "day": pl.Date(),
        "parts": pl.List(pl.Struct({"name": pl.String(), "sizes": pl.List(pl.Int32())})),
    }
)


def test_columns_for_a_schema_are_those_that_its_table_has(tmp_path: Path) -> None:
    expected = columns_for(SCHEMA, ["day"])
    write_deltalake(
        tmp_path / "table",
        pl.DataFrame(schema=SCHEMA).cast({"small": pl.Int16, "at": pl.Datetime("us", "UTC")}).to_arrow(),
        partition_by=["day"],
    )

    assert {column.name: column.type for column in expected} == {
        "id": "long",
        "small": "short",
        "price": "decimal(12,2)",
        "at": "timestamp",
        "wall": "timestamp_ntz",
        "day": "date",
        "parts": "[{name: string, sizes: [integer]}]",
    }
    assert columns_of(open_version(str(tmp_path / "table"))) == expected


def test_columns_of_a_table_say_what_may_be_null(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("kind", pa.string())])
    write_deltalake(tmp_path / "table", schema.empty_table())

    assert columns_of(open_version(str(tmp_path / "table"))) == (
        TableColumn("id", "long", nullable=False, partition=False),
        TableColumn("kind", "string", nullable=True, partition=False),
    )


def test_columns_for_a_type_that_no_table_holds_are_refused() -> None:
    with pytest.raises(TableSchemaError):
        columns_for(pl.Schema({"took": pl.Duration("us")}), ())
