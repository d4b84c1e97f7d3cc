"""Servers with TLS and an access file, and clients of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import pytest
from adbc_driver_flightsql import DatabaseOptions

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.run import run
from serving.catalog import Catalog
from serving.flight.server import FlightSqlServer
from serving.queries.query import Engine
from serving.security.door import Door
from serving.security.granting import grant
from serving.security.transport import Transport
from tests.serving.conftest import PIPELINE, Served, record
from tests.serving.security.certificates import Certificates, make_certificates

FAR = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and certificates of it for the server and a client."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@dataclass(frozen=True)
class Guarded:
    """A server with TLS. `reader` may read the table `events`, `nobody` may do nothing.

    Attributes:
        folder: With the pipelines `events` and `secrets`, which hold the same rows.
        tokens: By client.
    """

    folder: Path
    uri: str
    access: Path
    tokens: dict[str, str]
    authority: Path

    def connect(self, client: str | None = None, **options: Any) -> Any:
        """A connection of ADBC with the token of `client`."""
        given = {DatabaseOptions.TLS_ROOT_CERTS.value: self.authority.read_text(), **options}
        if client is not None:
            given[DatabaseOptions.AUTHORIZATION_HEADER.value] = f"Bearer {self.tokens[client]}"
        return flight_sql.connect(self.uri, db_kwargs=given, autocommit=True)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipelines folder with `events` and `secrets`: ids 0 to 9."""
    folder = tmp_path_factory.mktemp("lake")
    events = PIPELINE.format(folder=folder)
    for name in ("events", "secrets"):
        (folder / f"{name}.yaml").write_text(events.replace("events", name))
    Served(folder, "").land("first", *map(record, range(10)))
    run(load_pipeline(folder / "secrets.yaml"))
    return folder


@pytest.fixture
def guarded(lake: Path, tmp_path: Path, certificates: Certificates) -> Iterator[Guarded]:
    """A server as `Guarded` has it."""
    access = tmp_path / "access.toml"
    tokens = {"reader": grant(access, "reader", FAR, read=["events"]), "nobody": grant(access, "nobody", FAR)}
    engine = Engine(Catalog(Settings(pipelines=lake)), memory_bytes=64 * 2**20, threads=2)
    transport = Transport("127.0.0.1", 0, certificates.server, certificates.server_key)
    with FlightSqlServer(engine, transport.uri(), Door(access), **transport.options()) as server:
        yield Guarded(lake, transport.uri(server.port), access, tokens, certificates.authority)
