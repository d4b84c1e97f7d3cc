"""Many small files: `python -m benchmarks.small_files [--turns N] [COUNT]`, by default 10,000 of about 1 KB.

`penstock run` as a whole process, start-up, ledger and commits included, over small files on the local disk;
the median turn. Goes to docs/benchmarks/small-files.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from statistics import median

from benchmarks.compare import CACHE, PENSTOCK, RESULTS, run_helper
from benchmarks.decode_page import write_page
from benchmarks.machine import describe_machine
from benchmarks.pipeline_file import write_pipeline_file
from benchmarks.process import Usage, run_measured

EVENTS_A_FILE = 4  # about 1 KB
AIM_FILES_A_SECOND = 2000


def land(count: int) -> Path:
    """The landing zone, made once: the generated events, a few a file."""
    folder = CACHE / f"small-files-{count}"
    if folder.exists():
        return folder
    events = CACHE / f"events-{count * EVENTS_A_FILE}"
    run_helper("benchmarks.events", events, count * EVENTS_A_FILE)
    lines = [
        line for path in sorted(events.iterdir()) for line in path.read_bytes().splitlines(keepends=True)
    ]
    unfinished = folder.with_name(folder.name + ".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        first = number * EVENTS_A_FILE
        path = unfinished / f"{number:06d}.ndjson"
        path.write_bytes(b"".join(lines[first : first + EVENTS_A_FILE]))
    unfinished.rename(folder)
    return folder


def run(landing: Path) -> Usage:
    """One run from nothing."""
    work = CACHE / "work" / "small-files"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    write_pipeline_file(work / "events.yaml", landing=landing.resolve(), table=(work / "table").resolve())
    return run_measured([PENSTOCK, "run", work / "events.yaml", "--json"], log=work / "log")


def main() -> None:
    """Measures, prints and keeps the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    options = parser.parse_args()
    landing = land(options.count)
    turns = [run(landing) for _ in range(options.turns + 1)][1:]
    wall_s = median(one.wall_s for one in turns)
    result = {
        "files": options.count,
        "bytes": sum(path.stat().st_size for path in landing.iterdir()),
        "machine": describe_machine(),
        "wall_s": round(wall_s, 3),
        "cpu_s": round(median(one.cpu_s for one in turns), 3),
        "peak_memory_bytes": max(one.peak_memory_bytes for one in turns),
        "files_per_second": round(options.count / wall_s),
        "turns_wall_s": [round(one.wall_s, 3) for one in turns],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "small-files.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    write_page(RESULTS)
    rate = f"{result['files_per_second']:,} a second (aim: {AIM_FILES_A_SECOND:,})"
    print(f"{options.count:,} files in {wall_s:.2f} s: {rate}")


if __name__ == "__main__":
    main()
