"""From measured turns to medians and ratios, and from those to tables for the terminal and for the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.process import Usage

MIB = 2**20
COMPARED = ("wall_s", "cpu_s", "peak_memory_bytes")


def summarise(
    measured: Mapping[str, tuple[Sequence[Usage], Mapping[str, int]]],
    idle: Sequence[Usage],
    *,
    events: int,
) -> dict[str, Any]:
    """Medians of each contestant, Penstock's ratios to the others, and the run with nothing to do.

    Args:
        measured: Contestant -> (its turns, what it wrote); one of them is `penstock`.
        idle: Runs of Penstock that found nothing new.
        events: How many events each turn took in.
    """
    contestants = {
        name: {**_medians(turns), "us_per_event": _microseconds(turns, events), "output": dict(output)}
        for name, (turns, output) in measured.items()
    }
    ours = contestants["penstock"]
    ratios = {
        f"penstock/{name}": {key: round(ours[key] / other[key], 3) for key in COMPARED}
        for name, other in contestants.items()
        if name != "penstock"
    }
    beyond_idle_s = ours["wall_s"] - _medians(idle)["wall_s"]
    return {
        "contestants": contestants,
        "ratios": ratios,
        "idle_run": _medians(idle),
        "us_per_event_beyond_idle": round(beyond_idle_s / events * 1e6, 3),
    }


def print_report(result: Mapping[str, Any]) -> None:
    """Prints the summary of one size as a table."""
    machine = result["machine"]
    print(f"\n{result['events']:,} events on {machine['cores']} cores, {machine['processor']}")
    print(f"{'':12}{'wall':>9}{'CPU':>9}{'peak':>11}{'an event':>12}{'written':>11}{'files':>7}")
    for name, one in result["contestants"].items():
        peak, written = one["peak_memory_bytes"] / MIB, one["output"]["bytes"] / MIB
        print(
            f"{name:12}{one['wall_s']:>7.2f} s{one['cpu_s']:>7.2f} s{peak:>7.0f} MiB"
            f"{one['us_per_event']:>9.2f} µs{written:>7.0f} MiB{one['output']['files']:>7}"
        )
    idle_peak = result["idle_run"]["peak_memory_bytes"] / MIB
    for name, ratio in result["ratios"].items():
        print(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in ratio.items()))
    print(f"penstock with nothing to do: {result['idle_run']['wall_s']:.2f} s, peak {idle_peak:.0f} MiB")
    print(f"penstock beyond that: {result['us_per_event_beyond_idle']:.2f} µs an event")


def results_page(results: Sequence[Mapping[str, Any]]) -> str:
    """All results as a Markdown page, in order of size."""
    ordered = sorted(results, key=lambda result: int(result["events"]))
    sections = [_results_section(result) for result in ordered]
    return "".join(["# Results\n\nWritten by `make bench`; README.md says what is compared.\n", *sections])


def _results_section(result: Mapping[str, Any]) -> str:
    machine, idle = result["machine"], result["idle_run"]
    turns = len(result["contestants"]["penstock"]["turns_wall_s"])
    rows = [
        f"| {name} | {one['wall_s']:.2f} s | {one['cpu_s']:.2f} s | {one['peak_memory_bytes'] / MIB:.0f} MiB "
        f"| {one['us_per_event']:.2f} µs | {one['output']['bytes'] / MIB:.0f} MiB |"
        for name, one in result["contestants"].items()
    ]
    ratios = [
        f"- {name}: " + ", ".join(f"{key} {value:.2f}" for key, value in ratio.items())
        for name, ratio in result["ratios"].items()
    ]
    lines = [
        f"\n## {result['events']:,} events, {result['landing']['bytes'] / MIB:,.0f} MiB",
        f"\n{machine['date']}, {machine['cores']} cores of {machine['processor']}, "
        f"Python {machine['python']}, medians of {turns} turns.\n",
        "| | wall | CPU | peak memory | an event | written |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
        "",
        *ratios,
        f"- penstock with nothing to do: {idle['wall_s']:.2f} s, {idle['peak_memory_bytes'] / MIB:.0f} MiB; "
        f"beyond that, {result['us_per_event_beyond_idle']:.2f} µs an event",
        "",
    ]
    return "\n".join(lines)


def _medians(turns: Sequence[Usage]) -> dict[str, Any]:
    """The medians, and the turns' wall times in order, which show how far they spread."""
    return {
        "wall_s": round(median(one.wall_s for one in turns), 3),
        "cpu_s": round(median(one.cpu_s for one in turns), 3),
        "peak_memory_bytes": round(median(one.peak_memory_bytes for one in turns)),
        "turns_wall_s": [round(one.wall_s, 3) for one in turns],
    }


def _microseconds(turns: Sequence[Usage], events: int) -> float:
    """Median wall time of one event."""
    return round(median(one.wall_s for one in turns) / events * 1e6, 3)
