"""A server that takes pushed batches, and clients of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.proof.proof import prove
from pipelines.run import run
from serving.catalog import Catalog
from serving.flight.server import FlightSqlServer
from serving.queries.query import Engine
from serving.security.door import Door
from serving.security.granting import grant
from storage.skipping.reader import read_table

PIPELINE = """\
name: events
source: {{uri: "{zone}/landing"}}
contract:
  columns: {{id: int64!, kind: string}}
  {contract}
table: {{uri: "{zone}/lake/events"}}
"""
FAR = datetime(2999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Pushed:
    """A server, and a client that may push to all of its pipelines.

    Attributes:
        zone: The store with `landing` and `lake` in it.
    """

    folder: Path
    zone: str
    uri: str
    token: str

    def client(self) -> Any:
        """A new one."""
        return flight.connect(self.uri)

    def options(self, **headers: str) -> Any:
        """With the token, and other headers."""
        given = [(b"authorization", f"Bearer {self.token}".encode())]
        given += [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
        return flight.FlightCallOptions(headers=given)

    def push(self, batch: str, rows: pa.Table, pipeline: str = "events", **how: Any) -> dict[str, Any]:
        """Pushes one batch, and gives the receipt."""
        with self.client() as client:
            descriptor = flight.FlightDescriptor.for_path(pipeline, batch)
            return push(client, self.options(), descriptor, rows, **how)


def push(
    client: Any,
    options: Any,
    descriptor: Any,
    rows: pa.Table,
    chunk: int | None = None,
    complete: bool = True,
) -> dict[str, Any]:
    """As docs/push.md has it."""
    writer, answers = client.do_put(descriptor, rows.schema, options)
    with writer:
        writer.write_table(rows, chunk)
        if complete:
            writer.write_metadata(b"complete")
        writer.done_writing()
        receipt: dict[str, Any] = json.loads(answers.read().to_pybytes())
    return receipt


def rows(first: int, past: int, kind: str = "k") -> pa.Table:
    """Events with the ids from `first` up to `past`."""
    ids = range(first, past)
    return pa.table({"id": pa.array(ids, pa.int64()), "kind": [f"{kind}{one % 3}" for one in ids]})


def taken_in(pushed: Pushed) -> list[int]:
    """Takes in what has landed, and proves it; the ids in the table, sorted."""
    pipeline = load_pipeline(pushed.folder / "events.yaml")
    run(pipeline)
    assert prove(pipeline, Settings()).ok
    ids: list[int] = read_table(pipeline.table.uri).lazy().collect()["id"].sort().to_list()
    return ids


@contextmanager
def pushable(
    folder: Path, zone: str, contract: str = "", limits: Mapping[str, object] | None = None, port: int = 0
) -> Iterator[Pushed]:
    """A running server over one pipeline, `events`."""
    folder.mkdir(exist_ok=True)
    (folder / "events.yaml").write_text(PIPELINE.format(zone=zone, contract=contract))
    access = folder / "access.toml"
    token = grant(access, "producer", FAR, push=["*"])
    if limits:
        lines = [f"{name} = {json.dumps(value)}" for name, value in limits.items()]
        access.write_text("[limits]\n" + "\n".join(lines) + "\n\n" + access.read_text())
    engine = Engine(Catalog(Settings(pipelines=folder)), memory_bytes=64 * 2**20, threads=2)
    with FlightSqlServer(engine, f"grpc://127.0.0.1:{port}", Door(access)) as server:
        yield Pushed(folder, zone, f"grpc://127.0.0.1:{server.port}", token)
