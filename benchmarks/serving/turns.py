"""Contestants that answer the same question, by turns; medians, and Penstock's rates beside the others'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from benchmarks.serving.questions import SERVICE_ROWS
from benchmarks.serving.running import Server, ask
from benchmarks.serving.wire import counting_wire

OURS = ("cold", "warm")
"""Penstock without a cache, and with one that holds the rows."""
CLIENT = "benchmarks.serving.client"
MB = 1e6


class Contestant(NamedTuple):
    """A server, the kind of client that asks it, and what is asked."""

    server: Server
    kind: str
    question: str


def by_turns(contestants: Mapping[str, Contestant], turns: int) -> dict[str, Any]:
    """The medians of each, and of the ratios of our rates to the others', turn by turn.

    Every other turn goes the other way round. All must give the same rows, or as many as the usual service.
    """
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
    for turn in range(turns):
        for name in sorted(contestants, key=list(contestants).index, reverse=turn % 2 > 0):
            taken[name].append(fetch(contestants[name]))
    counts = {name: {one["rows"] for one in each} for name, each in taken.items()}
    if len(set().union(*counts.values()) - {SERVICE_ROWS}) > 1:
        raise SystemExit(f"not all have given the same rows: {counts}")
    ratios = {
        ours: {name: _ratio(taken[ours], taken[name]) for name in contestants if name not in OURS}
        for ours in OURS
    }
    return {"contestants": {name: _medians(each) for name, each in taken.items()}, "ratios": ratios}


def fetch(one: Contestant) -> dict[str, float]:
    """All rows, once, by a new process."""
    before = one.server.cpu_s()
    told: dict[str, float] = ask(CLIENT, one.kind, one.server.uri, one.question)
    told["server_cpu_s"] = one.server.cpu_s() - before
    told["rows_per_s"] = told["rows"] / told["wall_s"]
    told["mb_per_s"] = told["bytes"] / told["wall_s"] / MB
    return told


def bytes_a_row(one: Contestant) -> float:
    """Bytes that the server sends for one answer, by its rows."""
    with counting_wire(one.server.uri) as wire:
        rows: int = ask(CLIENT, one.kind, wire.uri, one.question)["rows"]
    return wire.received / rows


def _ratio(ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return median(our["rows_per_s"] / their["rows_per_s"] for our, their in pairs)


def _medians(taken: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    told: dict[str, Any] = {name: median(one[name] for one in taken) for name in taken[0]}
    return {**told, "turns_wall_s": [one["wall_s"] for one in taken]}
