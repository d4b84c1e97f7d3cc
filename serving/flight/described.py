"""Questions about the server and its tables: which function answers which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serving.catalog import Catalog
from serving.errors import ProtocolError
from serving.flight import metadata
from serving.flight.refused import refused
from serving.flight.sql_info import SQL_INFO, sql_info
from serving.flight.sql_types import XDBC_TYPES, xdbc_types
from serving.protocol import flight_sql_pb2 as messages
from serving.security.client import Client


@dataclass(frozen=True)
class Described:
    """An answer about the server or its tables.

    Attributes:
        schema: A `pyarrow.Schema`, known before the answer is.
        table: Makes the answer, a `pyarrow.Table`; may read logs.
    """

    schema: Any
    table: Callable[[], Any]


def described(command: Any, catalog: Catalog, client: Client) -> Described:
    """The answer to a command that is no statement: what `client` may see.

    Raises:
        ProtocolError: No such command is answered.
    """
    match command:
        case messages.CommandGetSqlInfo():
            return Described(SQL_INFO, lambda: sql_info(command.info, client.limits))
        case messages.CommandGetXdbcTypeInfo():
            return Described(XDBC_TYPES, lambda: xdbc_types(command))
        case messages.CommandGetCatalogs():
            return Described(metadata.CATALOGS, lambda: metadata.catalogs(command))
        case messages.CommandGetDbSchemas():
            return Described(metadata.SCHEMAS, lambda: metadata.schemas(command))
        case messages.CommandGetTableTypes():
            return Described(metadata.TABLE_TYPES, lambda: metadata.table_types(command))
        case messages.CommandGetTables():
            schema = metadata.TABLES_WITH_SCHEMA if command.include_schema else metadata.TABLES
            return Described(schema, lambda: metadata.tables(command, catalog, client.may_read))
        case messages.CommandGetPrimaryKeys():
            return Described(metadata.PRIMARY_KEYS, lambda: metadata.no_primary_keys(command))
        case (
            messages.CommandGetExportedKeys()
            | messages.CommandGetImportedKeys()
            | messages.CommandGetCrossReference()
        ):
            return Described(metadata.FOREIGN_KEYS, lambda: metadata.no_foreign_keys(command))
    raise not_served(command)


def not_served(command: Any) -> ProtocolError:
    """What a client is told of a command that is known and refused."""
    name = type(command).__name__
    return refused(name) or ProtocolError(
        "not a request that this server answers",
        got=name,
        expected="a query; the server only reads",
    )
