"""One large gzip file: `python -m benchmarks.large_file [GIB]`, by default 1 GiB of decompressed events.

`penstock run` as a whole process under the default memory budget; peak memory and throughput. Goes to
docs/benchmarks/large-file.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.compare import CACHE, PENSTOCK, RESULTS, parse_size, run_helper
from benchmarks.decode_page import write_page
from benchmarks.machine import describe_machine
from benchmarks.pipeline_file import write_pipeline_file
from benchmarks.process import run_measured

SOURCE_SIZE = "1M"
MIB = 2**20


def land(decompressed_bytes: int) -> Path:
    """The landing zone with its one file, made once: the generated events over and over."""
    folder = CACHE / f"large-file-{decompressed_bytes // MIB}"
    if folder.exists():
        return folder
    source = CACHE / f"events-{SOURCE_SIZE}"
    run_helper("benchmarks.events", source, parse_size(SOURCE_SIZE))
    unfinished = folder.with_name(folder.name + ".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    with gzip.open(unfinished / "events.ndjson.gz", "wb", compresslevel=1) as out:
        for data in _repeated(sorted(source.iterdir()), decompressed_bytes):
            out.write(data)
    unfinished.rename(folder)
    return folder


def _repeated(paths: list[Path], wanted_bytes: int) -> Iterator[bytes]:
    while wanted_bytes > 0:
        for path in paths:
            if wanted_bytes > 0:
                data = path.read_bytes()
                wanted_bytes -= len(data)
                yield data


def main() -> None:
    """Measures, prints and keeps the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("gib", nargs="?", type=float, default=1)
    decompressed_bytes = int(parser.parse_args().gib * 1024 * MIB)
    landing, work = land(decompressed_bytes), CACHE / "work" / "large-file"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    write_pipeline_file(work / "events.yaml", landing=landing.resolve(), table=(work / "table").resolve())
    usage = run_measured([PENSTOCK, "run", work / "events.yaml", "--json"], log=work / "log")
    result = {
        "decompressed_bytes": decompressed_bytes,
        "compressed_bytes": sum(path.stat().st_size for path in landing.iterdir()),
        "machine": describe_machine(),
        "wall_s": round(usage.wall_s, 3),
        "cpu_s": round(usage.cpu_s, 3),
        "peak_memory_bytes": usage.peak_memory_bytes,
        "mb_per_second": round(decompressed_bytes / usage.wall_s / 1e6),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "large-file.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    write_page(RESULTS)
    speed = f"{usage.wall_s:.1f} s, {result['mb_per_second']} MB/s"
    print(f"{decompressed_bytes / MIB:,.0f} MiB: {speed}, peak {usage.peak_memory_bytes / MIB:.0f} MiB")


if __name__ == "__main__":
    main()
