"""Tables for clients that speak plain Flight, without SQL: a path of one part, the name of the table."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pyarrow.flight as flight

from serving.catalog import Catalog
from serving.errors import ProtocolError
from serving.flight.metadata import readable_tables
from serving.flight.told import told
from serving.queries.query import Statement
from serving.security.client import Client


def whole_table(path: Sequence[bytes]) -> Statement:
    """The statement for all rows of the table that a path names.

    Raises:
        ProtocolError: The path is of several parts, or no text.
    """
    try:
        (name,) = (part.decode() for part in path)
    except ValueError as error:
        raise ProtocolError(
            "no path of a table", got=f"{len(path)} parts", expected="one, the name of a table"
        ) from error
    quoted = name.replace('"', '""')
    return Statement(f'select * from "{quoted}"')


def flights(catalog: Catalog, client: Client, criteria: bytes) -> Generator[Any]:
    """A `FlightInfo` for each table whose name fits the criteria, text as of LIKE, empty for all.

    With the schema and without endpoints, which GetFlightInfo gives for its path.
    """
    pattern = criteria.decode(errors="replace") or "%"
    try:
        for name, opened in readable_tables(catalog, client.may_read, pattern):
            descriptor = flight.FlightDescriptor.for_path(name)
            yield flight.FlightInfo(opened.arrow_schema(), descriptor, [], -1, -1)
    except Exception as error:  # noqa: BLE001 (anything else would send its traceback)
        raise told(error) from None
