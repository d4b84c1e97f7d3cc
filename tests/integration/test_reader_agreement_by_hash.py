"""Every reader gives the rows of every kind of table: the same content hash, or a limit that is stated here.

What a reader gives is cast to the types of the table as its log has them, by casts that lose nothing: chDB
has bytes for text and its own name for UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder

from storage.skipping.reader import read_table
from storage.tables.content_hash import content_hash
from tests.integration.agreement_tables import TABLES
from tests.readers import ENGINES, needs_readers, read_tables

WITHOUT_NULL_CONTAINERS = {"nested", "null structs and lists", "evolved"}
"""Tables with null lists or structs: ClickHouse has neither, and makes `[]` and structs of nulls of them."""


@dataclass(frozen=True)
class Written:
    """A table, and the rows that it must give."""

    uri: str
    rows: pl.DataFrame


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Written]:
    root = tmp_path_factory.mktemp("agreement")
    uris = {name: str(root / name.replace(" ", "_")) for name in TABLES}
    return {name: Written(uris[name], build(uris[name])) for name, build in TABLES.items()}


def by_polars(uri: str) -> Any:
    return pl.scan_delta(uri).collect().to_arrow()


def by_pyarrow(uri: str) -> Any:
    return DeltaTable(uri).to_pyarrow_dataset().to_table()


def by_delta_rs(uri: str) -> Any:
    return pa.table(QueryBuilder().register("t", DeltaTable(uri)).execute("select * from t").read_all())


def by_penstock(uri: str) -> Any:
    return read_table(uri).lazy().collect().to_arrow()


def hash_as_stored(found: Any, uri: str) -> str:
    """The content hash of what a reader gave, in the types of the table."""
    types = pa.schema(DeltaTable(uri).schema().to_arrow())
    return content_hash(pl.DataFrame(found.select(types.names).cast(types)).lazy())


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("read", [by_polars, by_pyarrow, by_delta_rs, by_penstock])
def test_reader_gives_the_rows_of_every_table(
    written: dict[str, Written], name: str, read: Callable[[str], Any]
) -> None:
    table = written[name]

    assert hash_as_stored(read(table.uri), table.uri) == content_hash(table.rows.lazy())


@needs_readers
@pytest.mark.parametrize("engine", ENGINES)
def test_independent_reader_gives_the_rows_of_every_table(
    written: dict[str, Written], engine: str, tmp_path: Path
) -> None:
    answers = read_tables(engine, [table.uri for table in written.values()], tmp_path)

    differing = []
    for (name, table), found in zip(written.items(), answers, strict=True):
        rows = table.rows
        if engine == "chdb" and name in WITHOUT_NULL_CONTAINERS:
            rows = rows.select(
                without_null_containers(pl.col(one), kind) for one, kind in rows.schema.items()
            )
            assert not rows.equals(table.rows)
        if isinstance(found, str) or hash_as_stored(found, table.uri) != content_hash(rows.lazy()):
            differing.append((name, found))
    assert differing == []


def without_null_containers(value: pl.Expr, dtype: Any) -> pl.Expr:
    """`[]` for a null list, a struct of nulls for a null struct, at any depth."""
    if isinstance(dtype, pl.List):
        inner = value.list.eval(without_null_containers(pl.element(), dtype.inner))
        return inner.fill_null(pl.lit([], dtype))
    if isinstance(dtype, pl.Struct):
        fields = [
            without_null_containers(value.struct.field(field.name), field.dtype).alias(field.name)
            for field in dtype.fields
        ]
        return pl.struct(fields).alias(value.meta.output_name(raise_if_undetermined=False) or "")
    return value
