"""One step on a large table: `python -m benchmarks.tables.large_turn STEP FOLDER`; its seconds, as JSON.

What is imported is imported before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks.tables.engines import expression_of
from benchmarks.tables.many_files import QUERY, made_up
from benchmarks.tables.many_landed import PIPELINE, taken_in
from config.pipeline import Pipeline
from pipelines.batch.planning import plan_batch
from storage.landing.listing import list_landing
from storage.skipping.plan import choose_files
from storage.skipping.reader import read_table
from storage.tables.commits import commit_batch
from storage.tables.delta import last_batch, open_table
from storage.tables.ledger.planned import planned_files, waiting_files

Step = Callable[[], object]


def opened(folder: Path) -> Step:
    """Open the table."""
    return lambda: open_table(str(folder))


def chosen(folder: Path) -> Step:
    """Open the table and choose the files that may hold matches."""
    where = expression_of(QUERY)

    def choose() -> None:
        reader = read_table(str(folder))
        assert choose_files(reader.files(), reader.question(where)).files.height == 1

    return choose


def committed(folder: Path) -> Step:
    """Open the table and commit a batch of one file."""

    def commit() -> None:
        uri = str(folder)
        table = open_table(uri)
        number = last_batch(table, "clicks") + 1
        file, schema = made_up()
        commit_batch(
            uri, table, app_id="clicks", batch=number, files=[file], schema=schema, partition_by=("day",)
        )

    return commit


def listed(folder: Path) -> Step:
    """List the landing zone."""
    return lambda: list_landing(str(folder / "landing"))


def planned(folder: Path) -> Step:
    """Plan a batch of what waits, and write it down."""
    pipeline = Pipeline.model_validate(
        {
            "name": PIPELINE,
            "source": {"uri": str(folder / "landing"), "format": "ndjson"},
            "contract": {"columns": {"id": "int64"}},
            "table": {"uri": str(folder / "table")},
        }
    )
    return lambda: plan_batch(pipeline)


def weighed(folder: Path) -> Step:
    """Find what waits where the landing zone still holds all that was taken in; the listing not counted."""
    uri = str(folder / "table")
    rows = planned_files(uri, PIPELINE).select(pl.len()).collect().item()
    landed = pl.concat([taken_in(0, rows), list_landing(str(folder / "landing"))])
    return lambda: waiting_files(uri, PIPELINE, lambda: landed)


STEPS = {
    "open": opened,
    "choose": chosen,
    "commit": committed,
    "list": listed,
    "plan": planned,
    "weigh": weighed,
}


if __name__ == "__main__":
    step = STEPS[sys.argv[1]](Path(sys.argv[2]))
    started = time.perf_counter()
    step()
    print(json.dumps({"seconds": time.perf_counter() - started}))
