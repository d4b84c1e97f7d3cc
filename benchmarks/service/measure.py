"""`python -m benchmarks.service.measure [--landings 12] [--pipelines 100] [--events 60000000]`.

Writes docs/benchmarks/service.json and service.md. Linux only, since CPU time is read from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from benchmarks.machine import describe_machine
from benchmarks.service.page import page
from benchmarks.service.running import Service, cpu_seconds, memory_bytes, running_service, wait_for

RESULTS = Path("docs/benchmarks")
_BLOCK = 100_000
_ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def main() -> None:
    """Measures one thing after the other, each on a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--landings", type=int, default=12)
    parser.add_argument("--pipelines", type=int, default=100)
    parser.add_argument("--events", type=int, default=60_000_000)
    parser.add_argument("--steady", type=int, default=120, help="seconds that many pipelines are watched")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    result = {
        "machine": describe_machine(),
        "landing": landing(given.landings),
        "flow": flow(given.events),
        "many": many(given.pipelines, given.steady),
    }
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "service.json").write_text(json.dumps(result, indent=2) + "\n")
    (given.results / "service.md").write_text(page(result))
    print(page(result))


def landing(files: int) -> dict[str, Any]:
    """Seconds from the moment a file lies there to the version of the table that holds its rows."""
    with tempfile.TemporaryDirectory() as name, running_service(Path(name)) as (service, _):
        _write_pipeline(service, "landed", "5s")
        _land(service, "landed", "first", 100)
        service.penstock("run", "landed")
        service.penstock("deploy")
        table = DeltaTable(str(service.folder / "lake" / "landed"))
        seconds = []
        with service.worker():
            for number in range(files):
                time.sleep(number % 5)  # at all moments between two ticks
                begun = time.perf_counter()
                _land(service, "landed", str(number), 100)
                before = table.version()
                wait_for(lambda before=before: _grew(table, before))  # type: ignore[misc]
                seconds.append(time.perf_counter() - begun)
    return {"files": files, "median_s": statistics.median(seconds[1:]), "max_s": max(seconds[1:])}


def flow(events: int) -> list[dict[str, Any]]:
    """A small batch and a large one, each by `penstock run` and by a run of the deployment, to its end."""
    measured = []
    with tempfile.TemporaryDirectory() as name, running_service(Path(name)) as (service, _):
        for pipeline in ("by_run", "by_flow"):
            _write_pipeline(service, pipeline, None)
            _land(service, pipeline, "warm", 100)
        service.penstock("deploy")
        with service.worker():
            _run_flow(service, "by_flow")
            service.penstock("run", "by_run")
            for size in (1_000, events):
                landed = _land(service, "by_run", f"of_{size}", size)
                os.link(landed, service.folder / "landing" / "by_flow" / landed.name)
                os.sync()  # or the second one waits for what the first one left to be written
                run_s = service.penstock("run", "by_run")
                os.sync()
                flow_s = _run_flow(service, "by_flow")
                measured.append({"events": size, "run_s": run_s, "flow_s": flow_s})
    return measured


def many(pipelines: int, steady_s: int) -> dict[str, Any]:
    """Many pipelines, half of them every minute, half every five, with nothing to take in."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as name, running_service(Path(name)) as (service, server):
        start_s = time.perf_counter() - begun
        for number in range(pipelines):
            _write_pipeline(service, f"p{number}", "1m" if number % 2 else "5m")
        before_deploy = cpu_seconds(server)
        first_s = service.penstock("deploy")
        deploy_cpu_s = cpu_seconds(server) - before_deploy
        again_s = service.penstock("deploy")
        with service.worker() as worker:
            begun = time.perf_counter()
            wait_for(lambda: service.completed() > 0)
            worker_start_s = time.perf_counter() - begun
            time.sleep(steady_s / 4)
            completed = service.completed()
            before = {one: cpu_seconds(one) for one in (server, worker)}
            time.sleep(steady_s)
            cores = {one: (cpu_seconds(one) - before[one]) / steady_s for one in (server, worker)}
            memory = {one: memory_bytes(one) for one in (server, worker)}
            completed = service.completed() - completed
            late = service.post("/flow_runs/count", {"flow_runs": {"state": {"name": {"any_": ["Late"]}}}})
    return {
        "pipelines": pipelines,
        "server_start_s": start_s,
        "deploy_s": first_s,
        "deploy_cpu_s": deploy_cpu_s,
        "deploy_again_s": again_s,
        "server_cores": cores[server],
        "worker_cores": cores[worker],
        "server_memory_bytes": memory[server],
        "worker_memory_bytes": memory[worker],
        "worker_start_s": worker_start_s,
        "steady_s": steady_s,
        "completed": completed,
        "late": late,
    }


def _write_pipeline(service: Service, name: str, every: str | None) -> None:
    (service.folder / "landing" / name).mkdir(parents=True)
    (service.folder / "pipelines.d").mkdir(exist_ok=True)
    schedule = f"schedule: {{every: {every}}}\n" if every else ""
    (service.folder / "pipelines.d" / f"{name}.yaml").write_text(
        f"name: {name}\nsource: {{uri: landing/{name}}}\n"
        "contract: {columns: {id: int64!, at: 'timestamp[us, UTC]', "
        "what: {page: string, tags: [string], note: string}}}\n"
        f"table: {{uri: lake/{name}}}\n{schedule}"
    )


def _land(service: Service, pipeline: str, name: str, events: int) -> Path:
    """A file that is there whole at once; of many events the same block again and again."""
    path = service.folder / "landing" / pipeline / f"{name}.ndjson"
    hidden = service.folder / "landing.tmp"
    block = "".join(
        f'{{"id": {number}, "at": "2026-01-01T00:00:00Z", "what": {{"page": "/items/{number % 977}", '
        f'"tags": ["a{number % 7}", "b{number % 11}"], "note": "{number * 7919 % 1_000_003:x}"}}}}\n'
        for number in range(min(events, _BLOCK))
    )
    with hidden.open("w") as file:
        for _ in range(max(1, events // _BLOCK)):
            file.write(block)
    return hidden.rename(path)


def _grew(table: DeltaTable, before: int) -> bool:
    table.update_incremental()
    return table.version() > before


def _run_flow(service: Service, pipeline: str) -> float:
    found = service.post("/deployments/filter", {"deployments": {"name": {"any_": [pipeline]}}})
    deployment = next(one["id"] for one in found if one["entrypoint"].endswith(":ingest"))
    begun = time.perf_counter()
    run = service.post(f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    query = {"flow_runs": {"id": {"any_": [run["id"]]}, "state": {"type": {"any_": list(_ENDED)}}}}
    wait_for(lambda: service.post("/flow_runs/count", query) == 1)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
