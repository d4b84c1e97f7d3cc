"""Builds the tables that are asked: `python -m benchmarks.tables.build KIND FOLDER ROWS`.

`by_user` as batches of Penstock leave it, sorted by user and time, and compacted; `by_time` likewise, the
first tenth of the days sorted by time alone; `naive` by `write_deltalake` as it comes, which is unsorted,
all settings left as delta-rs has them. All are partitioned by day, and get the same rows in the same batches.
A folder that is there already is taken as it is. Prints the seconds, and whether it is compacted, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

from benchmarks.tables.rows import Rows
from benchmarks.tables.upkeep import compact
from config.settings import Settings
from config.table import Table
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table

_ORDERS = {"by_user": ("user_id", "ts"), "by_time": ("ts",)}


def build_well(folder: Path, rows: Rows, sort_by: tuple[str, ...]) -> bool:
    """A batch at a time as Penstock does; whether the table is compacted."""
    table = Table(uri=str(folder), partition_by=("day",), sort_by=sort_by)
    return write_batches(table, map(rows.batch, range(rows.batches)), app_id="clicks")


def write_batches(table: Table, batches: Iterable[Iterable[pl.DataFrame]], app_id: str) -> bool:
    """Each through the writer and the commit of Penstock, then its compaction; whether there is one."""
    for number, frames in enumerate(batches, 1):
        before = open_table(table.uri)
        with TableWriter(
            table.uri,
            partition_by=table.partition_by,
            layout=FileLayout.of(table),
            buffer_bytes=Settings.from_environment({}).sort_buffer_bytes,
            prefix=f"batch-{number}",
        ) as writer:
            for frame in frames:
                writer.write(frame)
            files = writer.finish()
        commit_batch(
            table.uri,
            before,
            app_id=app_id,
            batch=number,
            files=files,
            schema=frame.schema,
            partition_by=table.partition_by,
        )
        progress(Path(table.uri), f"batch {number}")
    return compact(table)


def build_naive(folder: Path, rows: Rows) -> bool:
    """A batch at a time, through delta-rs."""
    for number in range(rows.batches):
        write_deltalake(str(folder), pl.concat(rows.batch(number)), partition_by=["day"], mode="append")
        progress(folder, f"batch {number + 1} of {rows.batches}")
    return False


def progress(folder: Path, what: str) -> None:
    """A line for the terminal."""
    print(f"  {folder.name.partition('.')[0]}: {what}", file=sys.stderr, flush=True)


def once(folder: Path, build: Callable[[Path], bool]) -> dict[str, float | bool]:
    """Builds a folder whole or not at all, unless it is there; what is told of it."""
    told = folder / "built.json"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.{time.time_ns()}")
        started = time.perf_counter()
        compacted = build(unfinished)
        result = {"seconds": round(time.perf_counter() - started, 1), "compacted": compacted}
        (unfinished / told.name).write_text(json.dumps(result), encoding="utf-8")
        unfinished.rename(folder)
    found: dict[str, float | bool] = json.loads(told.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Builds what the command line names."""
    kind, folder, total = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    rows = Rows(total)
    if kind == "naive":
        told = once(folder, lambda path: build_naive(path, rows))
    else:
        rows = replace(rows, used_days=rows.days // 10) if kind == "by_time" else rows
        told = once(folder, lambda path: build_well(path, rows, _ORDERS[kind]))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
