"""What is there to be asked: catalogs, schemas, tables, keys; as Flight SQL lays them out.

The columns of each answer are those of the protocol (https://arrow.apache.org/docs/format/FlightSql.html).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa

from config.errors import PenstockError
from serving.catalog import Catalog
from serving.errors import UnknownTableError
from serving.flight.columns import described_schema
from serving.protocol import flight_sql_pb2 as messages
from serving.queries.query import CATALOG, SCHEMA
from storage.skipping.reader import TableReader

_TABLE: Final = "TABLE"
_TEXT: Final = pa.utf8()
_LOG: Final = logging.getLogger(__name__)
_LONGEST_PATTERN: Final = 1_000
"""No name is longer, nor half of it."""
_WILD: Final = re.compile(r"\\.|.", re.DOTALL)


def _required(name: str) -> Any:
    return pa.field(name, _TEXT, nullable=False)


CATALOGS: Final = pa.schema([_required("catalog_name")])
SCHEMAS: Final = pa.schema([pa.field("catalog_name", _TEXT), _required("db_schema_name")])
TABLE_TYPES: Final = pa.schema([_required("table_type")])
TABLES: Final = pa.schema(
    [
        pa.field("catalog_name", _TEXT),
        pa.field("db_schema_name", _TEXT),
        _required("table_name"),
        _required("table_type"),
    ]
)
TABLES_WITH_SCHEMA: Final = TABLES.append(pa.field("table_schema", pa.binary(), nullable=False))
PRIMARY_KEYS: Final = pa.schema(
    [
        pa.field("catalog_name", _TEXT),
        pa.field("db_schema_name", _TEXT),
        _required("table_name"),
        _required("column_name"),
        pa.field("key_sequence", pa.int32(), nullable=False),
        pa.field("key_name", _TEXT),
    ]
)
FOREIGN_KEYS: Final = pa.schema(
    [
        pa.field("pk_catalog_name", _TEXT),
        pa.field("pk_db_schema_name", _TEXT),
        _required("pk_table_name"),
        _required("pk_column_name"),
        pa.field("fk_catalog_name", _TEXT),
        pa.field("fk_db_schema_name", _TEXT),
        _required("fk_table_name"),
        _required("fk_column_name"),
        pa.field("key_sequence", pa.int32(), nullable=False),
        pa.field("fk_key_name", _TEXT),
        pa.field("pk_key_name", _TEXT),
        pa.field("update_rule", pa.uint8(), nullable=False),
        pa.field("delete_rule", pa.uint8(), nullable=False),
    ]
)


def catalogs(_command: object) -> Any:
    """The one catalog."""
    return pa.table([[CATALOG]], schema=CATALOGS)


def schemas(command: messages.CommandGetDbSchemas) -> Any:
    """The one schema, where the command does not ask for another."""
    found = [(CATALOG, SCHEMA)] if _asks_for_ours(command) else []
    return pa.table([[one for one, _ in found], [one for _, one in found]], schema=SCHEMAS)


def table_types(_command: object) -> Any:
    """The one type."""
    return pa.table([[_TABLE]], schema=TABLE_TYPES)


def tables(command: messages.CommandGetTables, catalog: Catalog, allowed: Callable[[str], bool]) -> Any:
    """The tables that the client may read and the command asks for, by name; those that are there.

    With their schemas, where the command asks for them, which costs the logs of the tables.
    """
    columns: list[list[Any]] = [[], [], [], [], []]
    for name, schema in _tables(command, catalog, allowed):
        for column, value in zip(columns, (CATALOG, SCHEMA, name, _TABLE, schema), strict=True):
            column.append(value)
    wanted = TABLES_WITH_SCHEMA if command.include_schema else TABLES
    return pa.table(columns[: len(wanted)], schema=wanted)


def _tables(
    command: messages.CommandGetTables, catalog: Catalog, allowed: Callable[[str], bool]
) -> Iterator[tuple[str, bytes | None]]:
    if not _asks_for_ours(command) or (command.table_types and _TABLE not in command.table_types):
        return
    pattern = command.table_name_filter_pattern if command.HasField("table_name_filter_pattern") else "%"
    for name, opened in readable_tables(catalog, allowed, pattern):
        yield name, _schema(name, catalog, opened) if command.include_schema else None


def readable_tables(
    catalog: Catalog, allowed: Callable[[str], bool], pattern: str
) -> Iterator[tuple[str, TableReader]]:
    """The tables that a client may read and whose names fit the pattern, by name; those that are there."""
    for name in catalog.names():
        if not allowed(name) or not is_like(name, pattern):
            continue
        try:
            opened = catalog.open(name).reader
        except UnknownTableError:
            continue  # no batch has made it yet
        except PenstockError as error:
            _LOG.warning("a table that cannot be read is left out of what there is: %s", error)
            continue
        yield name, opened


def _schema(name: str, catalog: Catalog, opened: TableReader) -> bytes:
    told = described_schema(name, opened.arrow_schema(), catalog.pipeline(name).description)
    serialized: bytes = told.serialize().to_pybytes()
    return serialized


def no_primary_keys(_command: object) -> Any:
    """None: Delta has no keys that hold for all writers."""
    return PRIMARY_KEYS.empty_table()


def no_foreign_keys(_command: object) -> Any:
    """None, as before."""
    return FOREIGN_KEYS.empty_table()


def _asks_for_ours(command: messages.CommandGetTables | messages.CommandGetDbSchemas) -> bool:
    pattern = command.db_schema_filter_pattern if command.HasField("db_schema_filter_pattern") else "%"
    return (not command.HasField("catalog") or command.catalog == CATALOG) and is_like(SCHEMA, pattern)


def is_like(name: str, pattern: str) -> bool:
    r"""Whether `name` fits `pattern` as SQL's LIKE has it: `%` for any text, `_` for a character.

    After a backslash both are themselves; tools write `my\_table`.
    """
    if len(pattern) > _LONGEST_PATTERN:
        return False
    # Each text between two `%` is looked for once, and never again further on: patterns come from clients.
    first, *others = re.split("%", _WILD.sub(_as_regex, pattern))
    middle = "".join(f"(?>.*?{one})" for one in others[:-1] if one)
    rest = f"{middle}.*{others[-1]}" if others else ""
    return re.fullmatch(first + rest, name, re.DOTALL) is not None


def _as_regex(found: re.Match[str]) -> str:
    text = found[0]
    if text == r"\%":
        return r"\x25"
    return {"%": "%", "_": "."}.get(text) or re.escape(text[-1])
