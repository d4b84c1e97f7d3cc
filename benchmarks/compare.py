"""Compares `penstock run` with DuckDB and Polars: `python -m benchmarks.compare [--turns N] SIZE…`.

Every contestant takes the same generated NDJSON files to Parquet files partitioned by day, as a whole
process, start-up included. They take turns, so that a slow minute of the machine hits all of them, and
each turn starts without output of an earlier one. Penstock alone also checks a contract and an
expectation, fills a quarantine, sorts, and commits to Delta. One turn before the measured ones fills the
caches that outlive a process: the files' pages and Penstock's compiled kernel.

The medians go to docs/benchmarks/SIZE.json, and all that are there to results.md beside them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.pipeline_file import write_pipeline_file
from benchmarks.process import Usage, run_measured
from benchmarks.report import print_report, results_page, summarise

CACHE = Path(".bench")
RESULTS = Path("docs/benchmarks")
SCRIPTS = Path(__file__).parent / "contestants"
PENSTOCK = Path(sys.executable).with_name("penstock")
MULTIPLES = {"k": 1_000, "M": 1_000_000}

Command = Callable[[Path, Path], list[str | Path]]


@dataclass(slots=True)
class Contestant:
    """Someone who takes a landing zone to an output folder, and what each turn of theirs used."""

    name: str
    command: Command
    turns: list[Usage] = field(default_factory=list)
    output: dict[str, int] = field(default_factory=dict)

    def run(self, landing: Path, work: Path) -> Usage:
        """One whole process into an empty folder; `output` is what came out of it."""
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        usage = run_measured(self.command(landing, work), log=work / "log")
        self.output = run_helper("benchmarks.output", work / "table")
        return usage


def script(name: str) -> Command:
    """The command that runs a script of `contestants/`."""
    return lambda landing, work: [sys.executable, SCRIPTS / name, landing, work / "table"]


def penstock_command(landing: Path, work: Path) -> list[str | Path]:
    """The command that runs a pipeline over the landing zone into `work`/table."""
    write_pipeline_file(work / "events.yaml", landing=landing.resolve(), table=(work / "table").resolve())
    return [PENSTOCK, "run", work / "events.yaml", "--json"]


def run_helper(module: str, *arguments: str | Path | int) -> dict[str, int]:
    """What one of our own modules prints as JSON, run apart so that this process stays small."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, int] = json.loads(printed)
    return result


def parse_size(text: str) -> int:
    """Events from `100k`, `1M` or a plain number."""
    factor = MULTIPLES.get(text[-1:], 1)
    return int(text.removesuffix("k").removesuffix("M")) * factor


def compare(size: str, turns: int) -> dict[str, Any]:
    """The measured turns of all contestants over `size` events, summarised; see `report.summarise`."""
    events = parse_size(size)
    landing = CACHE / f"events-{size}"
    generated = run_helper("benchmarks.events", landing, events)
    contestants = [
        Contestant("penstock", penstock_command),
        Contestant("duckdb", script("duckdb_copy.py")),
        Contestant("polars", script("polars_sink.py")),
    ]
    for turn in range(turns + 1):
        for one in contestants:
            usage = one.run(landing, CACHE / "work" / one.name)
            if one.output["rows"] != events:
                raise SystemExit(f"{one.name} wrote {one.output['rows']:,} rows of {events:,} events")
            if turn:
                one.turns.append(usage)
            print(f"  {size} turn {turn or 'warm-up'} {one.name}: {usage.wall_s:.2f} s", file=sys.stderr)
    idle = [run_idle(CACHE / "work" / "penstock") for _ in range(max(turns, 3))]
    return {
        "size": size,
        "events": events,
        "landing": generated,
        "machine": describe_machine(),
        **summarise({one.name: (one.turns, one.output) for one in contestants}, idle, events=events),
    }


def run_idle(work: Path) -> Usage:
    """`penstock run` once more in the folder of its last turn, where everything has been taken in."""
    return run_measured([PENSTOCK, "run", work / "events.yaml", "--json"], log=work / "idle-log")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures each size that the command line names, prints and keeps the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("sizes", nargs="+", metavar="SIZE", help="100k, 1M, 10M …")
    options = parser.parse_args(arguments)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for size in options.sizes:
        result = compare(size, options.turns)
        (RESULTS / f"{size}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print_report(result)
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("*.json")]
    page = results_page([result for result in kept if "events" in result])
    (RESULTS / "results.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
