"""Upserts one of a hundred rows of a table: `python -m benchmarks.tables.upsert [--turns N] [ROWS]`.

Newer rows for 1 % of the keys, at random, go into a table of ROWS rows (20M by default): by Penstock, from a
landed Parquet file, and by the `merge` of delta-rs. Each turn is a whole process on a fresh copy of the same
table, and the contestants take turns. Both must leave the same rows. Goes to docs/benchmarks/upsert.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.compare import CACHE, RESULTS, parse_size
from benchmarks.machine import describe_machine
from benchmarks.process import Usage, run_measured
from benchmarks.tables.page import keep

CONTESTANTS = ("penstock", "delta-rs")
LIMITS = {"wall_s": 0.5, "merge_s": 0.5}
MERGE = "merge and commit"
MOST_MEMORY_BYTES = 2 * 2**30
_SUMS = """
import sys, polars as pl
rows = pl.scan_delta(sys.argv[1])
cents = pl.col("amount").mul(100).round().cast(pl.Int64)
times = pl.col("updated").to_physical() // 1000
print(rows.select(pl.len(), cents.sum(), times.sum()).collect().write_json())
"""


@dataclass
class Turns:
    """What the turns of one contestant used, the seconds of their steps, and what they left."""

    usages: list[Usage] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)
    left: str = ""

    def take(self, name: str, base: Path) -> None:
        """One more."""
        work = (CACHE / "work" / f"upsert-{name}").resolve()
        copy(base, work)
        module = "benchmarks.tables.upsert_turn"
        self.usages.append(run_measured([sys.executable, "-m", module, name, work], log=work / "log"))
        self.steps.append(json.loads((work / "steps.json").read_text(encoding="utf-8")))
        command = [sys.executable, "-c", _SUMS, str(work / "table")]
        self.left = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        shutil.rmtree(work)

    def summary(self) -> dict[str, Any]:
        """The medians."""
        wall_s, cpu_s = (median(getattr(one, name) for one in self.usages) for name in ("wall_s", "cpu_s"))
        steps = {name: median(one[name] for one in self.steps) for name in self.steps[0]}
        return {
            "wall_s": round(wall_s, 3),
            "cpu_s": round(cpu_s, 3),
            "peak_memory_bytes": max(one.peak_memory_bytes for one in self.usages),
            "turns_wall_s": [round(one.wall_s, 3) for one in self.usages],
            "steps": steps,
        }


def copy(base: Path, work: Path) -> None:
    """A table of its own with the same data files: links, because nobody changes one."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base / "changes", work / "changes")
    shutil.copytree(base / "table" / "_delta_log", work / "table" / "_delta_log")
    for path in (base / "table").glob("*.parquet"):
        os.link(path, work / "table" / path.name)


def misses(result: dict[str, Any]) -> list[str]:
    """Which limits do not hold."""
    over = [f"{name}: {result['ratios'][name]}" for name in LIMITS if result["ratios"][name] > LIMITS[name]]
    peak = result["contestants"]["penstock"]["peak_memory_bytes"]
    return over + ([f"{peak / 2**20:.0f} MiB of memory"] if peak > MOST_MEMORY_BYTES else [])


def main() -> None:
    """Measures, prints and keeps the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("rows", nargs="?", default="20M", help="200k, 20M …")
    options = parser.parse_args()
    rows = parse_size(options.rows)
    base = CACHE / "tables" / f"upsert-{options.rows}"
    subprocess.run([sys.executable, "-m", "benchmarks.tables.upsert_rows", base, str(rows)], check=True)
    turns = {name: Turns() for name in CONTESTANTS}
    for turn in range(options.turns):
        for name, one in turns.items():
            one.take(name, base)
            print(
                f"  turn {turn + 1} {name}: {one.usages[-1].wall_s:.2f} s, {one.steps[-1]}", file=sys.stderr
            )
    if turns["penstock"].left != turns["delta-rs"].left:
        raise SystemExit(f"the tables differ: {[one.left for one in turns.values()]}")
    found = {name: one.summary() for name, one in turns.items()}
    ours, theirs = found["penstock"], found["delta-rs"]
    ratios = {name: round(ours[name] / theirs[name], 3) for name in ("wall_s", "cpu_s", "peak_memory_bytes")}
    ratios["merge_s"] = round(ours["steps"][MERGE] / theirs["steps"][MERGE], 3)
    built = json.loads((base / "built.json").read_text(encoding="utf-8"))
    result = {"rows": rows, "changed": rows // 100, "machine": describe_machine(), "table": built}
    result |= {"contestants": found, "ratios": ratios}
    print("  " + ("; ".join(misses(result)) or "within the limits"), ratios)
    keep("upsert", result, options.results)


if __name__ == "__main__":
    main()
