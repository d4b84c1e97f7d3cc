"""What strictness costs: `python -m benchmarks.strictness [--turns N] [SIZE]`.

Strict decoding, with a contract, a quarantine and `_rescued`, over files in which 0, 0.1 and 5 % of the
records are bad, against lenient decoding of the good files alone: the same kernel asked to keep nothing
(unknown fields ignored, nothing required). Neither has an expectation. Beside them DuckDB and Polars, which
know no quarantine, over the good files.

Twice: decoding and conforming alone; and the whole job, `penstock run`. Each turn is a process of its own,
all take turns, and the best turn counts, since nothing but noise makes one slower.
Goes to docs/benchmarks/strictness.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.compare import CACHE, PENSTOCK, RESULTS, parse_size, run_helper
from benchmarks.decode_page import write_page
from benchmarks.machine import describe_machine
from benchmarks.pipeline_file import EVENTS_PIPELINE
from benchmarks.process import run_measured

LENIENT = "lenient"
SHARES = {"strict, 0 %": 0, "strict, 0.1 %": 1, "strict, 5 %": 50}
"""Bad records, in thousandths."""
LIMITS = {"strict, 0 %": 1.25, "strict, 0.1 %": 1.25}
CLIFF = 1.5
"""The most that 5 % may cost, as a multiple of 0 %."""

Seconds = dict[str, float]


def pipelines(size: str) -> dict[str, Path]:
    """A pipeline file for each way, over its own landing zone."""
    good = CACHE / f"events-{size}"
    run_helper("benchmarks.events", good, parse_size(size))
    strict = _without_expectations(EVENTS_PIPELINE)
    found = {LENIENT: _pipeline(LENIENT, _lenient(strict), good)}
    for name, per_mille in SHARES.items():
        landing = good if not per_mille else CACHE / f"events-{size}-bad-{per_mille}"
        if per_mille:
            run_helper("benchmarks.bad_events", good, landing, per_mille)
        found[name] = _pipeline(f"strict-{per_mille}", strict, landing)
    return found


def _without_expectations(text: str) -> str:
    return text[: text.index("expectations:")] + text[text.index("table:") :]


def _lenient(text: str) -> str:
    return text.replace("!", "").replace("on_new_column: rescue", "on_new_column: ignore")


def _pipeline(name: str, text: str, landing: Path) -> Path:
    path = CACHE / f"{name}.yaml"
    table = (CACHE / "strictness" / name).resolve()
    path.write_text(text.format(name=name, landing=landing.resolve(), table=table), encoding="utf-8")
    return path


def decoding(specs: dict[str, Path], good: Path) -> dict[str, Callable[[], Seconds]]:
    """Decoding and conforming alone: a process for each turn, which warms up before it measures."""
    ours = {name: _asked("penstock", spec) for name, spec in specs.items()}
    return {**ours, "duckdb": _asked("duckdb", good), "polars": _asked("polars", good)}


def _asked(engine: str, path: Path) -> Callable[[], Seconds]:
    def ask() -> Seconds:
        command = [sys.executable, "-m", "benchmarks.decode_alone", engine, str(path)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found: Seconds = json.loads(printed)
        return found

    return ask


def whole_jobs(specs: dict[str, Path]) -> dict[str, Callable[[], Seconds]]:
    """`penstock run`, from nothing."""
    return {name: _run(spec) for name, spec in specs.items()}


def _run(spec: Path) -> Callable[[], Seconds]:
    def run() -> Seconds:
        shutil.rmtree(CACHE / "strictness", ignore_errors=True)
        usage = run_measured([PENSTOCK, "run", spec, "--json"], log=CACHE / "strictness.log")
        return {"wall_s": usage.wall_s, "cpu_s": usage.cpu_s}

    return run


def best_of(turns: int, ways: dict[str, Callable[[], Seconds]]) -> dict[str, Seconds]:
    """The best turn of each way, by wall time; one turn before warms what outlives a process."""
    best: dict[str, Seconds] = {}
    for turn in range(turns + 1):
        for name, way in ways.items():
            found = way()
            if turn and (name not in best or found["wall_s"] < best[name]["wall_s"]):
                best[name] = found
    return best


def with_ratios(best: dict[str, Seconds]) -> dict[str, Seconds]:
    """Each way's seconds, and as multiples of lenient decoding."""
    base = best[LENIENT]
    return {
        name: {
            "wall_s": round(found["wall_s"], 3),
            "cpu_s": round(found["cpu_s"], 3),
            "wall_to_lenient": round(found["wall_s"] / base["wall_s"], 3),
            "cpu_to_lenient": round(found["cpu_s"] / base["cpu_s"], 3),
        }
        for name, found in best.items()
    }


def misses(measured: dict[str, Seconds]) -> list[str]:
    """Which limits do not hold."""
    ratios = {name: measured[name]["wall_to_lenient"] for name in LIMITS}
    over = [f"{name}: {ratios[name]} times lenient" for name, limit in LIMITS.items() if ratios[name] > limit]
    cliff = measured["strict, 5 %"]["wall_s"] / measured["strict, 0 %"]["wall_s"]
    return over + ([f"5 % bad: {cliff:.2f} times 0 %"] if cliff > CLIFF else [])


def print_part(part: str, measured: dict[str, Seconds]) -> None:
    """A table for the terminal."""
    print(f"\n{part:16}{'wall':>9}{'CPU':>9}   times lenient: wall, CPU")
    for name, found in measured.items():
        seconds = f"{found['wall_s']:7.3f} s{found['cpu_s']:7.3f} s"
        print(f"  {name:14}{seconds}{found['wall_to_lenient']:10.2f}{found['cpu_to_lenient']:10.2f}")
    print("  " + ("; ".join(misses(measured)) or "within the limits"))


def main() -> None:
    """Measures, prints and keeps the results; says which limits do not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("size", nargs="?", default="1M", help="100k, 1M …")
    options = parser.parse_args()
    specs = pipelines(options.size)
    good = CACHE / f"events-{options.size}"
    result: dict[str, Any] = {"size": options.size, "machine": describe_machine()}
    for part, ways in (("decode", decoding(specs, good)), ("whole_job", whole_jobs(specs))):
        result[part] = with_ratios(best_of(options.turns, ways))
        print_part(part, result[part])
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "strictness.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    write_page(RESULTS)


if __name__ == "__main__":
    main()
