"""What serving is measured by: clients fetch all rows, the proxy counts all bytes, the page shows all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pytest
import uvicorn
from deltalake import write_deltalake

from benchmarks.serving import turns
from benchmarks.serving.bare_server import BareServer
from benchmarks.serving.client import KINDS
from benchmarks.serving.json_server import json_server
from benchmarks.serving.json_service import service
from benchmarks.serving.page import page
from benchmarks.serving.questions import SELECTIVE
from benchmarks.serving.running import Server
from benchmarks.serving.turns import Contestant, by_turns
from benchmarks.serving.wire import counting_wire

ROWS = pa.table(
    {
        "id": pa.array(range(1_000), pa.int64()),
        "actor": [{"login": f"user-{number}"} for number in range(1_000)],
        "at": pa.array([datetime(2026, 1, 1, 12, tzinfo=UTC)] * 1_000, pa.timestamp("us", "UTC")),
        "day": [date(2026, 1, 1)] * 1_000,
    }
)
TAKEN = {
    "rows": 1_000,
    "bytes": 2_000_000,
    "streams": 2,
    "wall_s": 0.5,
    "rows_per_s": 2_000.0,
    "mb_per_s": 4.0,
    "server_cpu_s": 0.25,
    "client_cpu_s": 0.125,
}


@pytest.fixture
def flight_uri() -> Iterator[str]:
    with BareServer([ROWS.slice(0, 400), ROWS.slice(400)]) as server:
        yield f"grpc://127.0.0.1:{server.port}"


@pytest.fixture
def json_uri() -> Iterator[str]:
    server = json_server(ROWS.to_batches(max_chunksize=300))
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("kind", "streams"), [("flight", 2), ("flight-parallel", 2), ("adbc", 0)])
def test_clients_of_flight_fetch_all_rows(flight_uri: str, kind: str, streams: int) -> None:
    rows, size, found = KINDS[kind](flight_uri, "select 1")

    assert (rows, found) == (1_000, streams)
    assert size == pytest.approx(ROWS.nbytes, rel=0.1)


def test_clients_of_json_fetch_all_rows_with_their_types(json_uri: str) -> None:
    rows, size, _ = KINDS["json"](json_uri, "")

    assert rows == 1_000
    assert size == pytest.approx(ROWS.nbytes, rel=0.1)
    assert KINDS["json-objects"](json_uri, "")[0] == 1_000


def test_client_of_the_usual_service_fetches_rows_of_the_day_with_their_types(tmp_path: Path) -> None:
    days = [date(2026, 1, 1 + number % 2) for number in range(1_000)]
    names = ["id", "actor", "created_at", "event_date"]
    table = ROWS.rename_columns(names).set_column(3, "event_date", pa.array(days))
    write_deltalake(str(tmp_path), table, partition_by=["event_date"])
    with _service_of(tmp_path) as uri:
        rows, size, _ = KINDS["json-service"](uri, "events?event_date=2026-01-02&limit=5000")
        fewer = KINDS["json-service"](uri, "events?event_date=2026-01-02&limit=10")[0]

    assert (rows, fewer) == (500, 10)
    assert size == pytest.approx(table.nbytes / 2, rel=0.5)  # its texts are large ones


@contextmanager
def _service_of(table: Path) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(service(str(table)), log_level="warning"))
    thread = Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_wire_counts_what_a_server_sends_and_changes_none_of_it(flight_uri: str) -> None:
    with counting_wire(flight_uri) as wire:
        rows, size, _ = KINDS["flight"](wire.uri, "select 1")

    assert rows == 1_000
    assert size < wire.received < size + 10_000
    assert 0 < wire.sent < 10_000


def test_contestants_take_turns_and_are_compared_turn_by_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {"cold": iter((1.0, 2.0, 30.0)), "warm": iter((4.0, 4.0, 4.0)), "bare": iter((2.0, 8.0, 5.0))}
    asked = []

    def fetch(one: Contestant) -> dict[str, float]:
        asked.append(one.kind)
        return {"rows": 10, "wall_s": 1.0, "rows_per_s": next(rates[one.kind])}

    monkeypatch.setattr(turns, "fetch", fetch)
    found = by_turns({name: Contestant(Server("", 0), name, "") for name in rates}, 3)

    assert asked == ["cold", "warm", "bare", "bare", "warm", "cold", "cold", "warm", "bare"]
    assert found["ratios"] == {"cold": {"bare": 0.5}, "warm": {"bare": 0.8}}
    assert found["contestants"]["cold"]["rows_per_s"] == 2.0


def test_contestants_that_give_other_rows_end_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "fetch", lambda one: {"rows": len(one.kind), "wall_s": 1, "rows_per_s": 1})

    with pytest.raises(SystemExit, match="not all have given the same rows"):
        by_turns({name: Contestant(Server("", 0), name, "") for name in ("cold", "warm", "other")}, 1)


def test_questions_name_fields_as_each_side_does() -> None:
    one = SELECTIVE["1,000 users, one day"]

    assert "actor.id between" in one.where
    assert "select id,actor['id'] from events where" in one.sql
    assert "actor['id'] between" in one.sql


def test_page_shows_all_that_was_measured() -> None:
    beside_bare = {
        "first": {**TAKEN, "wall_s": 0.75},
        "kinds": {
            "adbc": {
                "contestants": {"cold": TAKEN, "warm": TAKEN, "bare": TAKEN},
                "ratios": {"cold": {"bare": 0.75}, "warm": {"bare": 0.9}},
            }
        },
        "memory": {"cold": 2**27, "warm": 2**29, "bare": 2**28},
    }
    others = ("json-service", "json-objects", "json")
    beside_json = {
        "contestants": {
            "cold": TAKEN,
            "warm": TAKEN,
            "json-service": {**TAKEN, "rows": 200},
            "json-objects": {**TAKEN, "mb_per_s": 0.0},
            "json": TAKEN,
        },
        "ratios": {
            "cold": dict(zip(others, (50.0, 25.0, 12.5), strict=True)),
            "warm": dict(zip(others, (100.0, 50.0, 25.0), strict=True)),
        },
        "wire": {"cold": 2_000, "warm": 2_000, **dict.fromkeys(others, 5_000)},
        "memory": {"cold": 2**27, "warm": 2**29, "json-service": 2**30, "json": 2**28},
    }
    asked = {
        "requests": 100,
        "median_s": 0.01,
        "p99_s": 0.02,
        "server_cpu_s": 0.003,
        "client_cpu_s": 0.001,
        "server_peak_memory_bytes": 2**28,
    }
    pushed = {
        "events_a_push": 1_000,
        "clients": 4,
        "pushes": 10,
        "megabytes_a_second": 50.0,
        "events_a_second": 2e6,
        "median_s": 0.1,
        "slowest_s": 0.2,
        "server_cpu_s": 0.5,
        "server_peak_memory_bytes": 2**28,
    }
    sent = {"data": 1_000_000, "log": 1_000, "requests": 7}
    result: dict[str, Any] = {
        "machine": {"date": "2026-01-01", "cores": 2, "processor": "some", "python": "3.11.7"},
        "packages": {"fastapi": "0.150.0"},
        "load_before": 0.25,
        "rows": 1_000,
        "turns": 3,
        "seconds": 6.0,
        "scans": {"all columns": beside_bare},
        "json": {"numbers": beside_json},
        "latency": {"no cache": {"start": 2**27, "questions": {"point": {64: asked}}}},
        "push": {"pushes": [pushed], "disk_megabytes_a_second": 200.0},
        "store": {"one user": {"rows": 5, "served": sent, "scanned": sent, "ratio": 1.0}},
    }

    lines = page(result).splitlines()

    for line in (
        "| ADBC: Penstock, no cache | 0.00 M | 4 | 0.50 s | 0.25 s | 0.12 s | 2 | 0.75 of bare |",
        "| ADBC: Penstock, from its cache | 0.00 M | 4 | 0.50 s | 0.25 s | 0.12 s | 2 | 0.90 of bare |",
        "| JSON by FastAPI, to Arrow by `.json()` | 200 | 0.00 M | 4 | 0.50 s | 0.25 s | 0.12 s "
        "| 1.0 MB | 5000 | 50.0 | 100.0 |",
        "| JSON by Polars, to objects by orjson | 1,000 | 0.00 M |  | 0.50 s | 0.25 s | 0.12 s "
        "| 5.0 MB | 5000 | 25.0 | 50.0 |",
        "| point, 64 clients, no cache | 100 | 10.0 ms | 20.0 ms | 3.0 ms | 1.0 ms | 256 MiB |",
        "| scans, all columns | 128 MiB | 512 MiB | 256 MiB |  |  |",
        "| 1,000 events a push, 4 clients | 10 | 50 | 2.00 M | 100.0 ms | 200.0 ms | 0.50 s | 256 MiB |",
        "| one user | 5 | 1.000 MB | 1.000 MB | 1.00 | 7 | 7 |",
    ):
        assert line in lines
