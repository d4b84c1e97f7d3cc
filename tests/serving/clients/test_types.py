"""Every type of a column reaches clients as it is in the table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.settings import Settings
from serving.catalog import Catalog
from tests.serving.clients.conftest import ROW
from tests.serving.conftest import Served


def in_storage(shapes: Served, table: str) -> Any:
    reader = Catalog(Settings(pipelines=shapes.folder)).open(table).reader
    return reader.dataset().to_table(columns=reader.arrow_schema().names)


@pytest.mark.parametrize("table", ["every_type", "every-type", "empty", "large"])
def test_table_over_the_wire_is_the_table_in_storage(shapes: Served, cursor: Any, table: str) -> None:
    cursor.execute(f'select * from "{table}"')
    got = cursor.fetch_arrow_table()

    stored = in_storage(shapes, table)
    assert got.schema.equals(stored.schema)
    key = "id" if "id" in got.column_names else "i32"
    assert got.sort_by(key).equals(stored.sort_by(key))


def test_row_over_the_wire_has_the_values_that_landed(cursor: Any) -> None:
    cursor.execute("select * from every_type where i8 = -128")
    (got,) = cursor.fetch_arrow_table().to_pylist()

    del got["_rescued"]
    assert got == dict(ROW) | {"payload": json.dumps(ROW["payload"])}  # a text in a typed file is JSON's text
