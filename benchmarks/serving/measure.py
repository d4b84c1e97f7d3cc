"""`python -m benchmarks.serving.measure [--turns 3] [--seconds 6] [ROWS]`.

Serves a table of ROWS events (10M by default), made by a pipeline, from a process of its own, and measures it
from outside. Writes docs/benchmarks/serving.json and serving.md. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.compare import CACHE, RESULTS, parse_size
from benchmarks.machine import describe_machine
from benchmarks.pipeline_file import write_pipeline_file
from benchmarks.serving.page import page
from benchmarks.serving.questions import DAY_QUESTIONS, QUESTIONS, SCANS
from benchmarks.serving.running import NO_CACHE, Server, ask, penstock, serving
from benchmarks.serving.scans import beside_bare, beside_json
from benchmarks.serving.store import beside_scan

PACKAGES = ("adbc-driver-flightsql", "fastapi", "httpx", "orjson", "polars", "pyarrow", "uvicorn")
CLIENTS = (1, 8, 64)
WARMING_CLIENTS = 8
CACHES = {"no cache": NO_CACHE, "the default cache": {}}
PUSHED_EVENTS = 1_000_000


def main() -> None:
    """Makes the table where it is not there, measures one thing after the other, and keeps the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="that clients ask again and again")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("rows", nargs="?", default="10M", help="100k, 1M …")
    given = parser.parse_args()
    folder = made(given.rows)
    result: dict[str, Any] = {
        "machine": describe_machine(),
        "packages": {name: version(name) for name in PACKAGES},
        "load_before": os.getloadavg()[0],
        "rows": parse_size(given.rows),
        "turns": given.turns,
        "seconds": given.seconds,
    }
    measure(folder, given.turns, given.seconds, result)
    say("pushes")
    result["push"] = ask("benchmarks.serving.push", "--events", min(parse_size(given.rows), PUSHED_EVENTS))
    say("bytes at the store")
    with tempfile.TemporaryDirectory() as work:
        result["store"] = beside_scan(folder, "table", Path(work))
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "serving.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (given.results / "serving.md").write_text(page(result), encoding="utf-8")
    print(page(result))


def made(size: str) -> Path:
    """The folder of a pipeline that has taken in so many events, whole; made where it is not there."""
    folder, landing = CACHE / "serving" / size, CACHE / f"events-{size}"
    if not folder.exists():
        say(f"making the table of {size} events")
        subprocess.run(
            [sys.executable, "-m", "benchmarks.events", landing, str(parse_size(size))],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        unfinished = folder.with_name(f"{size}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        pipeline = _write_pipeline(unfinished, landing)
        subprocess.run(
            [sys.executable, *penstock("run", pipeline, "--json")], check=True, capture_output=True
        )
        unfinished.rename(folder)
        _write_pipeline(folder, landing)
    return folder


def _write_pipeline(folder: Path, landing: Path) -> Path:
    (folder / "pipelines").mkdir(parents=True, exist_ok=True)
    pipeline, table = folder / "pipelines" / "events.yaml", folder.resolve() / "table"
    write_pipeline_file(pipeline, landing=landing.resolve(), table=table)
    return pipeline


def measure(folder: Path, turns: int, seconds: float, result: dict[str, Any]) -> None:
    """Scans and questions, and what memory the servers took for each."""
    pipelines = folder / "pipelines"
    for name, sql in SCANS.items():
        say(f"scans: {name}")
        result.setdefault("scans", {})[name] = beside_bare(pipelines, sql, turns)
    for name, (sql, path) in DAY_QUESTIONS.items():
        say(f"beside JSON: {name}")
        result.setdefault("json", {})[name] = beside_json(pipelines, folder / "table", sql, path, turns)
    for name, cache in CACHES.items():
        with serving(pipelines, cache) as server:
            result.setdefault("latency", {})[name] = latencies(server, seconds, name)


def latencies(server: Server, seconds: float, cache: str) -> dict[str, Any]:
    """Each question by one client and by many, with the peak memory; some that are not counted ask before."""
    taken: dict[str, Any] = {"start": server.peak_memory_bytes(), "questions": {}}
    for question in QUESTIONS:
        latency(server, question, WARMING_CLIENTS, seconds)
        server.peak_memory_bytes()
        for clients in CLIENTS:
            say(f"{question}, {cache}: {clients} clients")
            found = latency(server, question, clients, seconds)
            found["server_peak_memory_bytes"] = server.peak_memory_bytes()
            taken["questions"].setdefault(question, {})[clients] = found
    return taken


def latency(server: Server, question: str, clients: int, seconds: float) -> dict[str, float]:
    """What `benchmarks.serving.latency` prints, and the CPU seconds of the server for each request."""
    before = server.cpu_s()
    told: dict[str, float] = ask("benchmarks.serving.latency", server.uri, question, clients, str(seconds))
    requests = told["requests"] + clients  # the first of each client is not among those that are told
    return {**told, "server_cpu_s": (server.cpu_s() - before) / requests}


def say(what: str) -> None:
    """Progress."""
    print(f"  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
