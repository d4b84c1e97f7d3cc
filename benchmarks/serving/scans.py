"""Large scans: Penstock beside a bare Flight server, and beside JSON over HTTP; the bytes on the wire.

Penstock is there twice, by turns with the others: `cold` has no cache and decodes Parquet for each scan,
`warm` has one that the first scan fills. Each question gets servers of its own, which were just started.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.serving.running import LARGE_CACHE, NO_CACHE, Server, peaks, running, serving
from benchmarks.serving.turns import Contestant, by_turns, bytes_a_row, fetch

FLIGHT_KINDS = ("flight", "flight-parallel", "adbc")


def beside_bare(pipelines: Path, sql: str, turns: int) -> dict[str, Any]:
    """Each kind of client, of Penstock and of a bare server that has the same batches in memory.

    Returns:
        `first` is the scan that fills the cache, `kinds` what `by_turns` gives for each kind of client,
        `memory` the peaks of the servers meanwhile.
    """
    with (
        _cold_and_warm(pipelines) as ours,
        running("-m", "benchmarks.serving.bare_server", ours["cold"].uri, sql) as bare,
    ):
        servers = {**ours, "bare": bare}
        peaks(servers)
        first = fetch(Contestant(servers["warm"], "flight", sql))
        kinds = {}
        for kind in FLIGHT_KINDS:
            contestants = {name: Contestant(server, kind, sql) for name, server in servers.items()}
            kinds[kind] = by_turns(contestants, turns)
        return {"first": first, "kinds": kinds, "memory": peaks(servers)}


def beside_json(pipelines: Path, table: Path, sql: str, path: str, turns: int) -> dict[str, Any]:
    """Penstock by a plain client, and three ways of JSON, from the usual one to the fastest.

    Returns:
        What `by_turns` gives; `wire` are bytes a row, `memory` the peaks of the servers.
    """
    with (
        _cold_and_warm(pipelines) as ours,
        running("-m", "benchmarks.serving.json_service", table) as service,
        running("-m", "benchmarks.serving.json_server", ours["cold"].uri, sql) as from_memory,
    ):
        contestants = {
            **{name: Contestant(server, "flight", sql) for name, server in ours.items()},
            "json-service": Contestant(service, "json-service", path),
            "json-objects": Contestant(from_memory, "json-objects", ""),
            "json": Contestant(from_memory, "json", ""),
        }
        servers = {**ours, "json-service": service, "json": from_memory}
        peaks(servers)
        wire = {name: bytes_a_row(one) for name, one in contestants.items()}  # and all are warm
        return {**by_turns(contestants, turns), "wire": wire, "memory": peaks(servers)}


@contextmanager
def _cold_and_warm(pipelines: Path) -> Iterator[dict[str, Server]]:
    with serving(pipelines, NO_CACHE) as cold, serving(pipelines, LARGE_CACHE) as warm:
        yield {"cold": cold, "warm": warm}
