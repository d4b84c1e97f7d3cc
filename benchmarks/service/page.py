"""The page docs/benchmarks/service.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MIB = 2**20


def page(result: Mapping[str, Any]) -> str:
    """The results as Markdown."""
    machine, landing, flow, many = (result[name] for name in ("machine", "landing", "flow", "many"))
    over_s = flow["flow_s"] - flow["run_s"]
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
        f"| `penstock run`, {flow['events']:,} events | {flow['run_s']:.1f} s |",
        f"| the same batch as a flow run, from the request to its end | {flow['flow_s']:.1f} s: "
        f"{over_s:+.1f} s, {over_s / flow['run_s']:+.0%} |",
        f"| server healthy after its start | {many['server_start_s']:.0f} s |",
        f"| {many['pipelines']} pipelines deployed | {many['deploy_s']:.0f} s |",
        f"| deployed again, nothing changed | {many['deploy_again_s']:.1f} s |",
        f"| scheduled every 1 m and 5 m, nothing waits: server | {many['server_cores']:.2f} cores, "
        f"{many['server_memory_bytes'] / _MIB:.0f} MiB |",
        f"| worker and its runs | {many['worker_cores']:.2f} cores, "
        f"{many['worker_memory_bytes'] / _MIB:.0f} MiB |",
        f"| runs completed, late | {many['completed']}, {many['late']} |",
        "",
    ]
    return "\n".join(lines)
