"""The page docs/benchmarks/serving.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MIB = 2**20
MB = 1e6
_NAMES = {
    "flight": "pyarrow.flight, one stream",
    "flight-parallel": "pyarrow.flight, all endpoints",
    "adbc": "ADBC",
    "penstock": "Penstock, pyarrow.flight",
    "json": "JSON, to Arrow by pyarrow",
    "json-objects": "JSON, to objects by orjson",
}


def page(result: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    machine = result["machine"]
    sections = [
        "# Serving, measured",
        f"Written by `make bench-serving`; README.md says what is compared. {machine['date']}, "
        f"{machine['cores']} cores of {machine['processor']}, Python {machine['python']}, "
        f"{result['rows']:,} events, medians of {result['turns']} turns. Servers and clients are processes "
        f"of one machine, and share its cores; its load before was {result['load_before']:.1f}.",
        *(_scan(name, one) for name, one in result["scans"].items()),
        *(_json(name, one) for name, one in result["json"].items()),
        _latency(result["latency"]),
        _memory(result["memory"]),
        _push(result["push"]),
        _store(result["store"]),
    ]
    return "\n\n".join(sections) + "\n"


def _table(title: str, head: str, rows: list[str]) -> str:
    columns = head.count("|")
    return "\n".join([f"## {title}", "", f"| | {head} |", "|---|" + "---:|" * (columns + 1), *rows])


def _scan(name: str, kinds: Mapping[str, Any]) -> str:
    rows = []
    for kind, one in kinds.items():
        for server, taken in one["contestants"].items():
            streams = f"{taken['streams']:.0f}" if taken["streams"] else "its own"
            ratio = f"{one['ratios']['bare']:.2f} of bare" if server == "penstock" else ""
            rows.append(f"| {_NAMES[kind]}: {server} | {_rate(taken)} | {streams} | {ratio} |")
    return _table(f"A scan of all rows: {name}", f"{_RATE} | streams | rate", rows)


_RATE = "rows/s | MB/s | time | CPU of server | of client"


def _rate(taken: Mapping[str, Any]) -> str:
    size = f"{taken['mb_per_s']:,.0f}" if taken["mb_per_s"] else ""
    return (
        f"{taken['rows_per_s'] / 1e6:.2f} M | {size} | {taken['wall_s']:.2f} s "
        f"| {taken['server_cpu_s']:.2f} s | {taken['client_cpu_s']:.2f} s"
    )


def _json(name: str, one: Mapping[str, Any]) -> str:
    rows = []
    for contestant, taken in one["contestants"].items():
        wire = one["wire"]["penstock" if contestant == "penstock" else "json"]
        ratio = "" if contestant == "penstock" else f"{one['ratios'][contestant]:.1f}"
        each = f"{wire / MB:,.1f} MB | {wire / taken['rows']:.0f}"
        rows.append(f"| {_NAMES[contestant]} | {_rate(taken)} | {each} | {ratio} |")
    head = f"{_RATE} | on the wire | bytes a row | Penstock is faster by"
    return _table(f"Beside JSON over HTTP, the rows of one day: {name}", head, rows)


def _latency(questions: Mapping[str, Any]) -> str:
    rows = [
        f"| {question}, {clients} clients | {one['requests']:,} | {one['median_s'] * 1e3:,.1f} ms "
        f"| {one['p99_s'] * 1e3:,.1f} ms | {one['server_cpu_s'] * 1e3:.1f} ms "
        f"| {one['client_cpu_s'] * 1e3:.1f} ms |"
        for question, each in questions.items()
        for clients, one in each.items()
    ]
    head = "requests | median | 99th percentile | CPU of server, each | of client, each"
    return _table("Selective queries, by ADBC", head, rows)


def _memory(memory: Mapping[str, int]) -> str:
    rows = [f"| {name} | {size / MIB:,.0f} MiB |" for name, size in memory.items()]
    return _table("Peak memory of the server", "resident", rows)


def _store(questions: Mapping[str, Any]) -> str:
    rows = [
        f"| {name} | {one['rows']:,} | {one['served']['data'] / MB:.3f} MB "
        f"| {one['scanned']['data'] / MB:.3f} MB | {one['ratio']:.2f} "
        f"| {one['served']['requests']} | {one['scanned']['requests']} |"
        for name, one in questions.items()
    ]
    head = "rows | data to the server | to `penstock scan` | ratio | requests of the server | of the scan"
    return _table("Bytes that the object store sends", head, rows)


def _push(push: Mapping[str, Any]) -> str:
    rows = [
        f"| {one['events_a_push']:,} events a push, {one['clients']} clients | {one['pushes']} "
        f"| {one['megabytes_a_second']:,.0f} | {one['events_a_second'] / 1e6:.2f} M "
        f"| {one['median_s'] * 1e3:,.1f} ms | {one['slowest_s'] * 1e3:,.1f} ms | {one['server_cpu_s']:.2f} s "
        f"| {one['server_peak_memory_bytes'] / MIB:,.0f} MiB |"
        for one in push["pushes"]
    ]
    head = "pushes | MB/s | events/s | a push, median | slowest | CPU of server | peak memory"
    disk = f"A file of 256 MiB written and synced there: {push['disk_megabytes_a_second']:,.0f} MB/s."
    return _table("Events pushed, durable when acknowledged", head, rows) + "\n\n" + disk
