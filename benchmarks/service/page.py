"""The page docs/benchmarks/service.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MIB = 2**20


def page(result: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    machine, landing, many = (result[name] for name in ("machine", "landing", "many"))
    lines = [
        "# What the service costs",
        "",
        f"Written by `make bench-service`, {machine['date']}: {machine['cores']} cores, "
        f"{machine['processor']}, Prefect server on SQLite, one `penstock worker`, local folders.",
        "",
        "| measured | |",
        "|---|---|",
        f"| from a landed file to its rows visible, schedule every 5 s, {landing['files']} files: median | "
        f"{landing['median_s']:.1f} s |",
        f"| the longest of them | {landing['max_s']:.1f} s |",
        *(line for one in result["flow"] for line in _flow(one)),
        f"| server healthy after its start | {many['server_start_s']:.0f} s |",
        f"| {many['pipelines']} pipelines deployed | {many['deploy_s']:.0f} s, "
        f"{many['deploy_cpu_s']:.1f} s of CPU time of the server |",
        f"| deployed again, nothing changed | {many['deploy_again_s']:.1f} s |",
        f"| from the start of the worker to the end of its first run | {many['worker_start_s']:.1f} s |",
        f"| scheduled every 1 m and 5 m, nothing waits: server | {many['server_cores']:.2f} cores, "
        f"{many['server_memory_bytes'] / _MIB:.0f} MiB |",
        f"| worker and its runs | {many['worker_cores']:.2f} cores, "
        f"{many['worker_memory_bytes'] / _MIB:.0f} MiB |",
        f"| runs ended in {many['steady_s']} s; late at the end | {many['completed']}; {many['late']} |",
        "",
    ]
    return "\n".join(lines)


def _flow(one: Mapping[str, Any]) -> list[str]:
    over_s = one["flow_s"] - one["run_s"]
    return [
        f"| `penstock run`, {one['events']:,} events | {one['run_s']:.1f} s |",
        f"| the same batch as a flow run, from the request to its end | {one['flow_s']:.1f} s: "
        f"{over_s:+.1f} s, {over_s / one['run_s']:+.0%} |",
    ]
