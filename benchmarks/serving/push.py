"""Events pushed by DoPut: `python -m benchmarks.serving.push [--events N] [--zone URI]`.

For pushes of several sizes, by one client and by several at the same time: MB/s and events/s from the first
byte to the last receipt, so that all that is counted is durable; the time of single pushes; the bytes that
lie in the landing zone; CPU time and peak memory of the server. MB are 10^6 bytes of Arrow in memory. Beside,
`disk` is what the folder takes in one file, written and synced, and `repeated` pushes that are there already.

The zone is a new folder below the one for temporary files unless it is given: a folder, or `s3://…` with the
`AWS_…` variables.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.flight as flight

from benchmarks.events import EVENTS
from benchmarks.serving.running import Server, penstock, running
from serving.security.granting import grant
from storage.landing.listing import list_landing

PIPELINE = """\
name: events
source: {{uri: "{zone}"}}
contract:
  columns:
    id: string!
    type: string
    actor: {{id: int64!, login: string, site_admin: bool}}
    repo: {{id: int64!, name: string}}
    tags: [string]
    payload: {{size: int64, ref: string, ratio: float64}}
    created_at: "timestamp[ms, UTC]!"
table: {{uri: "{folder}/lake/events"}}
"""
PUSH_EVENTS = (1_000, 10_000, 100_000, 1_000_000)
CLIENTS = (1, 4)
_MOST_PUSHES = 200
_FAR = datetime(2999, 1, 1, tzinfo=UTC)


def measure(events: int, zone: str | None) -> dict[str, Any]:
    """All figures; pushes of more than `events` events are left out."""
    with _server(zone) as (server, token, landing):
        client = _Client(server.uri, token)
        found = [
            _measure(server, client, landing, size, clients, events)
            for size in PUSH_EVENTS
            if size <= events
            for clients in CLIENTS
        ]
    return {"events": events, "remote": zone is not None, "pushes": found} | _disk(zone)


class _Client:
    def __init__(self, uri: str, token: str) -> None:
        self._uri = uri
        self._options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])

    def push(self, batch: str, table: pa.Table) -> tuple[float, dict[str, Any]]:
        """(seconds from the connection to the receipt, the receipt)."""
        begun = time.perf_counter()
        with flight.connect(self._uri) as client:
            descriptor = flight.FlightDescriptor.for_path("events", batch)
            writer, answers = client.do_put(descriptor, table.schema, self._options)
            with writer:
                writer.write_table(table, 65_536)
                writer.write_metadata(b"complete")
                writer.done_writing()
                receipt = json.loads(answers.read().to_pybytes())
        return time.perf_counter() - begun, receipt


def _measure(
    server: Server, client: _Client, landing: str, size: int, clients: int, events: int
) -> dict[str, Any]:
    pushes = max(clients, min(events // size, _MOST_PUSHES))
    table = _events(size)
    ids = [uuid.uuid4().hex for _ in range(pushes)]
    client.push(uuid.uuid4().hex, table.slice(0, 1))
    server.peak_memory_bytes()
    cpu_s, stored, begun = server.cpu_s(), _stored(landing), time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        each = sorted(taken for taken, _ in threads.map(lambda one: client.push(one, table), ids))
    seconds = time.perf_counter() - begun
    repeated_s, receipt = client.push(ids[0], table)
    assert receipt["duplicate"]
    return {
        "events_a_push": size,
        "clients": clients,
        "pushes": pushes,
        "seconds": seconds,
        "megabytes_a_second": pushes * table.nbytes / 1e6 / seconds,
        "events_a_second": pushes * size / seconds,
        "median_s": each[len(each) // 2],
        "slowest_s": each[-1],
        "repeated_s": repeated_s,
        "stored_share": (_stored(landing) - stored) / pushes / table.nbytes,
        "server_cpu_s": server.cpu_s() - cpu_s,
        "server_peak_memory_bytes": server.peak_memory_bytes(),
    }


def _events(count: int) -> pa.Table:
    query = EVENTS.replace("{{", "{").replace("}}", "}")
    query = query.replace("{first}", "0").replace("{last}", str(count)).replace("{total}", str(count))
    found = duckdb.connect().sql(query)
    assert found is not None
    table: pa.Table = found.to_arrow_table()
    return table.combine_chunks()


def _stored(landing: str) -> int:
    return int(list_landing(landing)["size"].sum())


def _disk(zone: str | None) -> dict[str, float]:
    """MB/s of one file of 256 MiB that is written and synced, where pushes are; none for object stores."""
    if zone is not None:
        return {}
    data, begun = os.urandom(2**24), time.perf_counter()
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(16):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return {"disk_megabytes_a_second": 16 * len(data) / 1e6 / (time.perf_counter() - begun)}


@contextmanager
def _server(zone: str | None) -> Iterator[tuple[Server, str, str]]:
    """A server with one client, its token, and the landing zone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landing = f"{(zone or name).rstrip('/')}/landing-{uuid.uuid4().hex}"
        if zone is None or "://" not in zone:
            Path(landing).mkdir(parents=True)
        (folder / "events.yaml").write_text(PIPELINE.format(zone=landing, folder=folder))
        access = folder / "access.toml"
        token = grant(access, "producer", _FAR, push=["events"])
        access.write_text('[limits]\npushed_bytes_a_minute = "1 TiB"\n\n' + access.read_text())
        command = penstock("serve", "--port", "0", "--access", access, "--json")
        with running(*command, environment={"PENSTOCK_PIPELINES": name}) as server:
            yield server, token, landing


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--zone")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.events, arguments.zone), indent=2))


if __name__ == "__main__":
    main()
