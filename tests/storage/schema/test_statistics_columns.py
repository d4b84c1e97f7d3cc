"""The property that names the columns of which every file has statistics."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from storage.tables.schema.statistics_columns import STATISTICS_COLUMNS, fewer_statistics

COLUMNS = ["@at", "a-b", "é", "x,y", "d.o", "tick`ed", "day"]


@pytest.fixture
def uri(tmp_path: Path) -> str:
    uri = str(tmp_path / "table")
    write_deltalake(uri, pl.DataFrame({name: [1, 2] for name in COLUMNS}), partition_by=["day"])
    return uri


def configured(uri: str, value: str) -> DeltaTable:
    DeltaTable(uri).alter.set_table_properties({STATISTICS_COLUMNS: value})
    return DeltaTable(uri)


def bounded(table: DeltaTable) -> list[str]:
    names = pl.DataFrame(table.get_add_actions(flatten=True)).columns
    return [name.removeprefix("min.") for name in names if name.startswith("min.")]


def test_fewer_statistics_of_a_table_that_stays_as_it_is_is_none(uri: str) -> None:
    assert fewer_statistics(DeltaTable(uri), COLUMNS, grows=False) is None
    assert fewer_statistics(DeltaTable(uri), [*COLUMNS, "new"], grows=False) is None


def test_fewer_statistics_of_a_table_that_grows_names_what_it_has(uri: str) -> None:
    value = fewer_statistics(DeltaTable(uri), [*COLUMNS, "new"], grows=True)

    assert value is not None
    assert bounded(configured(uri, value)) == COLUMNS[:-1]
    assert fewer_statistics(DeltaTable(uri), [*COLUMNS, "new", "newer"], grows=True) is None


def test_fewer_statistics_for_rows_without_some_columns_leaves_them_out(uri: str) -> None:
    for left in (COLUMNS[2:], COLUMNS[4:]):
        value = fewer_statistics(DeltaTable(uri), left, grows=False)
        assert value is not None
        assert bounded(configured(uri, value)) == left[:-1]


def test_fewer_statistics_goes_by_the_column_that_a_field_is_in(uri: str) -> None:
    table = configured(uri, "é.inner, `d.o`,`a-b`")

    assert fewer_statistics(table, ["é", "d.o"], grows=True) == "é.inner,`d.o`"


def test_fewer_statistics_of_an_empty_table_that_grows_is_none(tmp_path: Path) -> None:
    uri = str(tmp_path / "empty")
    write_deltalake(uri, pl.DataFrame({"a": []}, schema={"a": pl.Int64}))

    assert fewer_statistics(DeltaTable(uri), ["a", "b"], grows=True) is None
