"""Tables and ledgers of very many files: `python -m benchmarks.tables.large_tables [--scale N]`.

Opening, planning, reading from and committing to a table with 100,000 files; and planning a batch where the
ledger holds one million files and 10,000 others wait. All of it local; each step is a process of its own,
whose peak memory is given with the seconds of the step alone. `--scale 100` takes one of a hundred files.
Goes to docs/benchmarks/large-tables.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.compare import CACHE, RESULTS
from benchmarks.machine import describe_machine
from benchmarks.process import run_measured
from benchmarks.tables.page import keep

FILES = 100_000
TAKEN_IN = 1_000_000
COMMITS = 1_000
READERS = Path(".readers/bin/python")
ENGINES = ("penstock", "penstock-batches", "polars", "duckdb", "datafusion", "pyarrow")
QUERY = '{"day": "2026-01-04", "user_id": 77777}'
"""As in `many_files`, which this process does not import: it must stay small."""

Measured = dict[str, Any]


def many_files(files: int) -> Measured:
    """A table of so many files."""
    base = made("many_files", f"many-files-{files}", files)
    steps = {
        "open the table": "open",
        "open it and choose the files of a condition": "choose",
        "open it and commit a batch of one file": "commit",
    }
    found = {title: measured(step(name), base) for title, name in steps.items()}
    for engine in ENGINES:
        python = READERS if engine == "duckdb" else sys.executable
        command = [python, "-m", "benchmarks.tables.engines", engine, "TABLE", QUERY, "1"]
        found[f"open it and read one file: {engine}"] = measured(command, base)
    return {"title": f"A table of {files:,} files", "measured": found}


def many_landed(files: int, commits: int) -> Measured:
    """A pipeline that has taken in so many files."""
    base = made("many_landed", f"many-landed-{files}-{commits}", files, commits)
    compacted = json.loads((base / "built.json").read_text(encoding="utf-8"))["compacted"]
    steps = {
        "list the landing zone": "list",
        "plan a batch, listing included": "plan",
        "find what waits if all that was taken in is still listed": "weigh",
    }
    found = {title: measured(step(name), base) for title, name in steps.items()}
    title = f"A ledger of {files:,} files in {commits:,} commits{', compacted' if compacted else ''}"
    return {"title": f"{title}, 10,000 files wait", "measured": found}


def step(name: str) -> list[str | Path]:
    """The command of a step of our own."""
    return [sys.executable, "-m", "benchmarks.tables.large_turn", name, "TABLE"]


def made(module: str, name: str, *sizes: int) -> Path:
    """The folder that a module makes, once."""
    folder = CACHE / "tables" / name
    command = [sys.executable, "-m", f"benchmarks.tables.{module}", str(folder), *map(str, sizes)]
    subprocess.run(command, check=True)
    return folder


def measured(command: list[str | Path], base: Path) -> Mapping[str, Any]:
    """Seconds and peak memory of a command on a copy of the table, or why it cannot."""
    work = (CACHE / "work" / "large").resolve()
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)
    log = work.with_name("large.log")
    try:
        usage = run_measured([work if part == "TABLE" else part for part in command], log=log)
    except SystemExit as failed:
        found: dict[str, Any] = {"error": str(failed).strip().splitlines()[-1][:300]}
    else:
        told = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
        seconds = told["seconds"] if isinstance(told["seconds"], float) else told["seconds"][0]
        found = {"seconds": round(seconds, 3), "peak_memory_bytes": usage.peak_memory_bytes}
    print(f"  {' '.join(map(str, command[3:5]))}: {found}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measures and keeps the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    taken_in = TAKEN_IN // options.scale
    parts = [
        many_files(FILES // options.scale),
        many_landed(taken_in, 1),
        many_landed(taken_in, max(10, COMMITS // options.scale)),
    ]
    keep("large-tables", {"machine": describe_machine(), "parts": parts}, options.results)


if __name__ == "__main__":
    main()
