"""The page docs/benchmarks/serving.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MIB = 2**20
MB = 1e6
_CLIENTS = {
    "flight": "pyarrow.flight, one stream",
    "flight-parallel": "pyarrow.flight, all endpoints",
    "adbc": "ADBC",
}
_SERVERS = {"cold": "Penstock, no cache", "warm": "Penstock, from its cache", "bare": "bare server"}
_CACHES = (
    "*No cache* is a server with `PENSTOCK_CACHE=0`, which decodes Parquet for each scan; *from its cache* "
    "is one that has the rows decoded, because another scan filled its cache of 4 GiB before."
)
_BESIDE_JSON = {
    **_SERVERS,
    "json-service": "JSON by FastAPI, to Arrow by `.json()`",
    "json-objects": "JSON by Polars, to objects by orjson",
    "json": "JSON by Polars, to Arrow by pyarrow",
}


def page(result: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    machine = result["machine"]
    sections = [
        "# Serving, measured",
        f"Written by `make bench-serving`; README.md says what is compared. {machine['date']}, "
        f"{machine['cores']} cores of {machine['processor']}, Python {machine['python']}, "
        f"{result['rows']:,} events, medians of {result['turns']} turns. Servers and clients are processes "
        f"of one machine, and share its cores; its load before was {result['load_before']:.1f}. "
        f"Packages: {', '.join(f'{name} {one}' for name, one in result['packages'].items())}.",
        _CACHES,
        *(_scan(name, one) for name, one in result["scans"].items()),
        *(_json(name, one) for name, one in result["json"].items()),
        _latency(result["latency"], result["seconds"]),
        _memory(result),
        _push(result["push"]),
        _store(result["store"]),
    ]
    return "\n\n".join(sections) + "\n"


def _table(title: str, head: str, rows: list[str]) -> str:
    columns = head.count("|")
    return "\n".join([f"## {title}", "", f"| | {head} |", "|---|" + "---:|" * (columns + 1), *rows])


def _scan(name: str, one: Mapping[str, Any]) -> str:
    rows = []
    for kind, each in one["kinds"].items():
        for server, taken in each["contestants"].items():
            streams = f"{taken['streams']:.0f}" if taken["streams"] else "its own"
            ratio = f"{each['ratios'][server]['bare']:.2f} of bare" if server in each["ratios"] else ""
            rows.append(f"| {_CLIENTS[kind]}: {_SERVERS[server]} | {_rate(taken)} | {streams} | {ratio} |")
    rows.append(f"| {_CLIENTS['flight']}: {_FIRST} | {_rate(one['first'])} | {one['first']['streams']} | |")
    return _table(f"A scan of all rows: {name}", f"{_RATE} | streams | rate", rows)


_FIRST = "Penstock, the first scan, which fills its cache"
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
        wire = one["wire"][contestant]
        each = f"{taken['rows']:,.0f} | {_rate(taken)} | {wire * taken['rows'] / MB:,.1f} MB | {wire:.0f}"
        faster = [f"{ratios[contestant]:.1f}" if contestant in ratios else "" for ratios in _ratios(one)]
        rows.append(f"| {_BESIDE_JSON[contestant]} | {each} | {' | '.join(faster)} |")
    head = f"rows | {_RATE} | on the wire | bytes a row | Penstock is faster by | from its cache by"
    return _table(f"Beside JSON over HTTP, rows of one day: {name}", head, rows)


def _ratios(one: Mapping[str, Any]) -> list[Mapping[str, float]]:
    return [one["ratios"]["cold"], one["ratios"]["warm"]]


def _latency(caches: Mapping[str, Any], seconds: float) -> str:
    rows = [
        f"| {question}, {clients} clients, {cache} | {one['requests']:,} | {one['median_s'] * 1e3:,.1f} ms "
        f"| {one['p99_s'] * 1e3:,.1f} ms | {one['server_cpu_s'] * 1e3:.1f} ms "
        f"| {one['client_cpu_s'] * 1e3:.1f} ms | {one['server_peak_memory_bytes'] / MIB:,.0f} MiB |"
        for cache, taken in caches.items()
        for question, each in taken["questions"].items()
        for clients, one in each.items()
    ]
    head = (
        f"requests in {seconds:g} s | median | 99th percentile "
        "| CPU of server, each | of client, each | peak memory of server"
    )
    return _table("Selective queries, by ADBC", head, rows)


def _memory(result: Mapping[str, Any]) -> str:
    starts = [taken["start"] for taken in result["latency"].values()]
    parts = {
        **{f"scans, {name}": one["memory"] for name, one in result["scans"].items()},
        **{f"beside JSON, {name}": one["memory"] for name, one in result["json"].items()},
    }
    rows = [f"| after its start | {' | '.join(map(_mib, starts))} | | | |"]
    for name, peaks in parts.items():
        cells = [_mib(peaks[key]) if key in peaks else "" for key in _MEASURED]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    head = "Penstock, no cache | with a cache | bare server | FastAPI | JSON by Polars"
    return _table("Peak memory of the servers, resident", head, rows)


_MEASURED = ("cold", "warm", "bare", "json-service", "json")


def _mib(size: int) -> str:
    return f"{size / MIB:,.0f} MiB"


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
