"""Large scans: Penstock beside a bare Flight server, and beside JSON over HTTP; the bytes on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.serving.running import Server, ask, running
from benchmarks.serving.wire import counting_wire

_CLIENT = "benchmarks.serving.client"
FLIGHT_KINDS = ("flight", "flight-parallel", "adbc")
JSON_KINDS = ("json", "json-objects")
MB = 1e6


def beside_bare(server: Server, sql: str, turns: int) -> dict[str, Any]:
    """Each kind of client, of Penstock and of a bare server that has the same batches in memory, by turns."""
    with running("-m", "benchmarks.serving.bare_server", server.uri, sql) as bare:
        contestants = {"penstock": server, "bare": bare}
        return {
            kind: _by_turns(contestants, dict.fromkeys(contestants, kind), sql, turns)
            for kind in FLIGHT_KINDS
        }


def beside_json(server: Server, sql: str, turns: int) -> dict[str, Any]:
    """Penstock by a plain client, and the two of JSON, by turns; and the bytes of one answer of each."""
    with running("-m", "benchmarks.serving.json_server", server.uri, sql) as other:
        kinds = {"penstock": "flight", **{kind: kind for kind in JSON_KINDS}}
        contestants = {"penstock": server, **dict.fromkeys(JSON_KINDS, other)}
        measured = _by_turns(contestants, kinds, sql, turns)
        measured["wire"] = {"penstock": _wire(server, "flight", sql), "json": _wire(other, "json", sql)}
    return measured


def _by_turns(
    contestants: Mapping[str, Server], kinds: Mapping[str, str], sql: str, turns: int
) -> dict[str, Any]:
    """The medians of each contestant, and of the ratios of Penstock's rate to the others', turn by turn."""
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
    for _ in range(turns):
        for name, server in contestants.items():
            taken[name].append(_fetch(server, kinds[name], sql))
    rates = {name: [one["rows_per_s"] for one in each] for name, each in taken.items()}
    ratios = {
        name: median(ours / theirs for ours, theirs in zip(rates["penstock"], rates[name], strict=True))
        for name in contestants
        if name != "penstock"
    }
    return {"contestants": {name: _medians(each) for name, each in taken.items()}, "ratios": ratios}


def _fetch(server: Server, kind: str, sql: str) -> dict[str, float]:
    before = server.cpu_s()
    told: dict[str, float] = ask(_CLIENT, kind, server.uri, sql)
    told["server_cpu_s"] = server.cpu_s() - before
    told["rows_per_s"] = told["rows"] / told["wall_s"]
    told["mb_per_s"] = told["bytes"] / told["wall_s"] / MB
    return told


def _medians(taken: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    told: dict[str, Any] = {name: median(one[name] for one in taken) for name in taken[0]}
    return {**told, "turns_wall_s": [one["wall_s"] for one in taken]}


def _wire(server: Server, kind: str, sql: str) -> int:
    """Bytes that the server sends for one answer."""
    with counting_wire(server.uri) as wire:
        ask(_CLIENT, kind, wire.uri, sql)
    return wire.received
