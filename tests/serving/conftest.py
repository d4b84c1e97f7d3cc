"""A server over tables that pipelines made, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import pytest

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.run import run
from serving.catalog import Catalog
from serving.flight.server import FlightSqlServer
from serving.queries.query import Engine

PIPELINE = """\
name: events
source: {{uri: "{folder}/landing"}}
contract: {{columns: {{id: int64!, kind: string, at: "timestamp[us, UTC]!"}}}}
transforms: [{{sql: "select *, cast(at as date) as day from self"}}]
table: {{uri: "{folder}/lake/events", partition_by: [day], sort_by: [id]}}
"""


@dataclass(frozen=True)
class Served:
    """A running server over a pipelines folder.

    Attributes:
        folder: With `events.yaml`, `landing` and `lake` in it.
    """

    folder: Path
    uri: str

    def connect(self, **options: Any) -> Any:
        """A connection of ADBC."""
        return flight_sql.connect(self.uri, autocommit=True, **options)

    def land(self, name: str, *records: str) -> None:
        """Lands records, one batch, and takes them in."""
        (self.folder / "landing").mkdir(exist_ok=True)
        (self.folder / "landing" / f"{name}.ndjson").write_text("\n".join(records) + "\n")
        run(load_pipeline(self.folder / "events.yaml"))


def record(number: int, day: int = 1) -> str:
    """One event of the table `events`."""
    return f'{{"id": {number}, "kind": "k{number % 3}", "at": "2026-01-{day:02}T10:00:00Z"}}'


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server over the table `events`: ids 0 to 9 on the first day, 10 to 19 on the second."""
    (tmp_path / "events.yaml").write_text(PIPELINE.format(folder=tmp_path))
    engine = Engine(Catalog(Settings(pipelines=tmp_path)), memory_bytes=64 * 2**20, threads=2)
    with FlightSqlServer(engine, "grpc://127.0.0.1:0") as server:
        made = Served(tmp_path, f"grpc://127.0.0.1:{server.port}")
        made.land("first", *(record(number, 1 + number // 10) for number in range(20)))
        yield made
