"""Writers of one table, each in a process of its own: what each does, and how they are started together."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

import polars as pl

from storage.errors import UnavailableError
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import last_batch, open_table
from tests.processes import CONTEXT, process
from tests.storage.maintenance.maintained import compacted
from tests.storage.merging.merges import a_rule, take_in

ROWS = 10
_DEADLINE_S = 120


def batch_of(writer: int, batch: int) -> pl.DataFrame:
    """The rows of one batch, none of which another one has, in two partitions."""
    first = (writer * 1000 + batch) * ROWS
    id_ = pl.int_range(first, first + ROWS, eager=True).alias("id")
    return pl.DataFrame([id_]).with_columns(x=pl.lit(0, pl.Int64), p=pl.format("p{}", pl.col("id") % 2))


def upserted(batch: int) -> pl.DataFrame:
    """The same keys in each batch, with other values."""
    return batch_of(900, 0).with_columns(x=pl.lit(batch, pl.Int64))


def appends(uri: str, writer: int, batches: int) -> None:
    """Batches 1 to `batches` of an application, each as a run does it."""
    for batch in range(1, batches + 1):
        table = open_table(uri)
        assert last_batch(table, f"writer {writer}") == batch - 1
        frame = batch_of(writer, batch)
        with TableWriter(uri, partition_by=["p"], buffer_bytes=2**20) as files:
            files.write(frame)
            written = files.finish()
        commit_batch(
            uri,
            table,
            app_id=f"writer {writer}",
            batch=batch,
            files=written,
            schema=frame.schema,
            partition_by=["p"],
        )


def upserts(uri: str, writer: int, batches: int) -> None:
    """Batches that replace what the batch before brought; one that loses every race is taken in again."""
    rule = a_rule(key=("id", "p"), order_by=("x",), partition_by=("p",))
    for batch in range(1, batches + 1):
        while last_batch(open_table(uri), f"writer {writer}") < batch:
            try:
                take_in(uri, rule, batch, upserted(batch), app_id=f"writer {writer}")
            except UnavailableError as error:
                sys.stderr.write(f"again: {error}\n")


def compacts(uri: str, _: int, times: int) -> None:
    """At least so many commits that compact; what others were faster with is left."""
    done = 0
    for _ in range(1000):
        if open_table(uri) is not None:
            done += compacted(uri).units
        if done >= times:
            return
        time.sleep(0.05)
    raise TimeoutError(f"{done} compactions of {times}")


Role = Callable[[str, int, int], None]


def run_together(uri: str, roles: Sequence[tuple[Role, int]]) -> None:
    """Starts a process for each role, with how often it does what it does, and waits for all of them."""
    start, failed = CONTEXT.Barrier(len(roles)), CONTEXT.Queue()
    processes = [
        process(_run, role, uri, number, times, start, failed) for number, (role, times) in enumerate(roles)
    ]
    for one in processes:
        one.start()
    for one in processes:
        one.join(_DEADLINE_S)
    assert failed.empty(), failed.get()
    assert [one.exitcode for one in processes] == [0] * len(processes)


def _run(role: Role, uri: str, number: int, times: int, start: Barrier, failed: Any) -> None:
    start.wait(_DEADLINE_S)
    try:
        role(uri, number, times)
    except BaseException:
        failed.put(traceback.format_exc())
        raise
