"""What ADBC tells of the server and its tables."""

from __future__ import annotations

from typing import Any

import pytest
from adbc_driver_manager import ProgrammingError

TABLES = ["empty", "every-type", "every_type", "large"]


def objects(connection: Any, **filters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connection.adbc_get_objects(**filters).read_all().to_pylist()
    return found


def tables(connection: Any, **filters: str) -> list[str]:
    return [
        table["table_name"]
        for catalog in objects(connection, depth="tables", **filters)
        for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    ]


def test_objects_have_the_depth_that_is_asked_for(connection: Any) -> None:
    (catalog,) = objects(connection, depth="catalogs")
    assert catalog == {"catalog_name": "penstock", "catalog_db_schemas": None}
    (catalog,) = objects(connection, depth="db_schemas")
    assert catalog["catalog_db_schemas"] == [{"db_schema_name": "public", "db_schema_tables": None}]

    assert tables(connection) == TABLES


def test_objects_of_all_depths_have_the_columns_with_their_types(connection: Any) -> None:
    (catalog,) = objects(connection, depth="all", table_name_filter="every\\_type")
    (table,) = catalog["catalog_db_schemas"][0]["db_schema_tables"]
    types = {one["column_name"]: one["xdbc_type_name"] for one in table["table_columns"]}

    assert [one["ordinal_position"] for one in table["table_columns"]] == list(range(1, len(types) + 1))
    assert {name: types[name] for name in ("flag", "i8", "i64", "u64", "f32", "f64")} == {
        "flag": "BOOLEAN", "i8": "TINYINT", "i64": "BIGINT", "u64": "DECIMAL", "f32": "REAL", "f64": "DOUBLE",
    }  # fmt: skip
    assert (types["at"], types["clock"]) == ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP")
    assert (types["actor"], types["tags"], types["bytes"]) == ("STRUCT", "LIST", "VARBINARY")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"table_name_filter": "every%"}, ["every-type", "every_type"]),
        ({"table_name_filter": "every_type"}, ["every-type", "every_type"]),
        ({"table_name_filter": r"every\_type"}, ["every_type"]),
        ({"table_name_filter": "EVERY%"}, []),
        ({"catalog_filter": "penstock", "db_schema_filter": "p%"}, TABLES),
        ({"catalog_filter": "other"}, []),
        ({"db_schema_filter": "other"}, []),
        ({"table_types_filter": ["VIEW"]}, []),
    ],
)
def test_objects_are_those_that_fit_the_patterns(
    connection: Any, filters: dict[str, Any], found: list[str]
) -> None:
    assert tables(connection, **filters) == found


def test_columns_are_those_that_fit_the_pattern(connection: Any) -> None:
    (catalog,) = objects(connection, depth="all", table_name_filter="large", column_name_filter="n%")
    (table,) = catalog["catalog_db_schemas"][0]["db_schema_tables"]

    assert [one["column_name"] for one in table["table_columns"]] == ["name"]
    assert table["table_constraints"] == []


def test_schema_of_a_table_is_that_of_its_answers_and_tells_its_description(connection: Any) -> None:
    told = connection.adbc_get_table_schema("every_type")
    with connection.cursor() as cursor:
        cursor.execute("select * from every_type")
        answered = cursor.fetch_arrow_table().schema

    assert told.equals(answered)
    assert told.metadata == {b"description": b"one row, one of nulls, one of nothing"}
    money = told.field("money").metadata
    assert (money[b"ARROW:FLIGHT:SQL:PRECISION"], money[b"ARROW:FLIGHT:SQL:SCALE"]) == (b"20", b"4")
    assert told.field("at").metadata[b"ARROW:FLIGHT:SQL:SCALE"] == b"6"


@pytest.mark.parametrize("name", ["nowhere", "not_yet"])
def test_schema_of_a_table_that_is_not_there_is_not_found(connection: Any, name: str) -> None:
    with pytest.raises(ProgrammingError, match="NOT_FOUND"):
        connection.adbc_get_table_schema(name)


def test_info_names_server_and_types(connection: Any) -> None:
    told = connection.adbc_get_info()

    assert (told["vendor_name"], connection.adbc_get_table_types()) == ("Penstock", ["TABLE"])
