"""Where the time of a batch goes: `python -m benchmarks.stages [SIZE]`.

Runs the path of the data up to one stage further each time, over the generated events, in one process; the
difference to the run before is what the stage costs. CPU time of all threads, since stages overlap; the best
of three turns, since nothing but noise makes a run slower. Goes to docs/benchmarks/stages.json.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from benchmarks.compare import CACHE, RESULTS, parse_size, run_helper
from benchmarks.pipeline_file import write_pipeline_file
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.query import Counters, RowSource, counted, transformed
from pipelines.reading.intake import Columns, Intake
from pipelines.tally import Tally
from storage.landing.listing import list_landing
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.reading.blocks import Block, Damage, read_blocks
from transforms.conform import Conformer
from transforms.decode.lines import split

TURNS = 3


@dataclass(frozen=True)
class Batch:
    """The path of one batch, from which each stage takes what it needs."""

    pipeline: Pipeline
    settings: Settings
    files: pl.DataFrame

    def blocks(self) -> Iterator[Block | Damage]:
        """Read, decompress, cut at newlines."""
        limits = self.settings
        return read_blocks(
            list(self.files["path"]),
            list(self.files["size"]),
            block_bytes=limits.block_bytes,
            max_record_bytes=limits.max_record_bytes,
        )

    def records(self) -> Iterator[Any]:
        """Split into records."""
        for block in self.blocks():
            if isinstance(block, Block):
                yield split(block.data, block.size, np.array([one.start for one in block.segments], np.int64))

    def intake(self) -> Intake:
        """Decode, conform, check expectations."""
        limits = self.settings
        conformer = Conformer(self.pipeline, max_nesting=limits.max_nesting, positions=False)
        paths = list(self.files["path"])
        tally = Tally(len(paths), [rule.name for rule in conformer.rules])
        return Intake(conformer, paths, Columns(False, False), tally, lambda _refused: None, limits.threads)

    def rows(self) -> Iterator[pl.DataFrame]:
        """The conformed rows."""
        return self.intake().frames(self.blocks())

    def transformed(self) -> Iterator[pl.DataFrame]:
        """The rows behind the transforms."""
        intake, counters = self.intake(), Counters()
        source = RowSource(intake.frames(self.blocks()), intake.schema)
        query = transformed(counted(source.scan(), counters, "accepted"), self.pipeline, counters)
        return iter(query.collect_batches(maintain_order=True, engine="streaming"))

    def written(self, sort_by: tuple[str, ...]) -> Iterator[object]:
        """The files of the rows, sorted or not."""
        shutil.rmtree(CACHE / "stages", ignore_errors=True)
        with TableWriter(
            str(CACHE / "stages"),
            partition_by=self.pipeline.table.partition_by,
            layout=FileLayout(sort_by=sort_by),
            buffer_bytes=self.settings.sort_buffer_bytes,
        ) as writer:
            for frame in self.transformed():
                writer.write(frame)
            yield writer.finish()

    def stages(self) -> dict[str, Callable[[], Iterator[object]]]:
        """What is run, each further than the one before."""
        return {
            "read": self.blocks,
            "split": self.records,
            "decode, conform, expectations": self.rows,
            "transform": self.transformed,
            "partition, encode, write": partial(self.written, ()),
            "sort": partial(self.written, self.pipeline.table.sort_by),
        }


def cpu_s() -> float:
    """CPU time of this process so far, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(stage: Callable[[], Iterator[object]]) -> tuple[float, float]:
    """(CPU, wall) seconds of drawing a stage to its end."""
    cpu, wall = cpu_s(), time.perf_counter()
    for _ in stage():
        pass
    return cpu_s() - cpu, time.perf_counter() - wall


def main() -> None:
    """Measures, prints and keeps the shares."""
    size = sys.argv[1] if len(sys.argv) > 1 else "1M"
    landing = CACHE / f"events-{size}"
    run_helper("benchmarks.events", landing, parse_size(size))
    spec = CACHE / "stages.yaml"
    write_pipeline_file(spec, landing=landing.resolve(), table=(CACHE / "stages").resolve())
    path = Batch(load_pipeline(spec), Settings.from_environment(), list_landing(str(landing.resolve())))
    best: dict[str, tuple[float, float]] = {}
    for _ in range(TURNS + 1):  # the first turn warms caches, and is beaten by the others
        for name, stage in path.stages().items():
            best[name] = min(best.get(name, (1e9, 1e9)), measured(stage))
    total, before, shares = best["sort"][0], 0.0, {}
    for name, (cpu, wall) in best.items():
        share = max(0.0, cpu - before)
        shares[name] = {"cpu_s": round(share, 3), "share": round(share / total, 3)}
        print(f"{name:32} {share:6.3f} CPU-s {share / total:6.1%}   up to here {wall:.2f} s of wall time")
        before = cpu
    result = {"size": size, "cpu_s": round(total, 3), "wall_s": round(best["sort"][1], 3), "stages": shares}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "stages.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
