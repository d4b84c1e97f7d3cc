"""The schema of a table as GetTables tells it: each column with what JDBC and ODBC ask of it."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from serving.flight.sql_types import SqlType, sql_type
from serving.queries.query import CATALOG, SCHEMA

_KEY: Final = "ARROW:FLIGHT:SQL:"
_DIGITS: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}
DESCRIPTION: Final = "description"


def described_schema(name: str, schema: Any, description: str) -> Any:
    """The schema of the table `name`, with the protocol's metadata, and what its pipeline is for."""
    columns = [field.with_metadata(_metadata(name, field.type)) for field in schema]
    return pa.schema(columns, {DESCRIPTION: description} if description else None)


def _metadata(table: str, kind: Any) -> dict[str, str]:
    known = sql_type(kind)
    precision, scale = _digits(kind, known)
    told = {
        "CATALOG_NAME": CATALOG,
        "SCHEMA_NAME": SCHEMA,
        "TABLE_NAME": table,
        "TYPE_NAME": known.name,
        "PRECISION": precision,
        "SCALE": scale,
        "IS_AUTO_INCREMENT": 0,
        "IS_CASE_SENSITIVE": int(known.name == "VARCHAR"),
        "IS_READ_ONLY": 1,
        "IS_SEARCHABLE": int(not known.is_nested),
    }
    return {_KEY + key: str(value) for key, value in told.items() if value is not None}


def _digits(kind: Any, known: SqlType) -> tuple[int | None, int | None]:
    """Of a decimal its own, of a timestamp those of its unit, of others what their type has."""
    if pa.types.is_decimal(kind):
        return kind.precision, kind.scale
    if pa.types.is_timestamp(kind):
        return known.size, _DIGITS[kind.unit]
    return known.size, None if known.scale is None else known.scale[0]
