"""A small table whose rows tests replace: columns `n`, `x` and the partition `p`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import polars as pl
from deltalake import DeltaTable

from storage.filesystem import delta_storage_options
from storage.layout.data_file import DataFile
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from storage.tables.replacing.partition_keys import partition_of
from storage.tables.replacing.replacement import ActiveFile, Replacement, commit_replacement, read_actions

SCHEMA = pl.Schema({"n": pl.Int64(), "x": pl.Int64(), "p": pl.String()})
Change = Callable[[pl.DataFrame], pl.DataFrame]


def rows(n: list[int], p: str | None = "a", x: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"n": n}, schema={"n": pl.Int64}).with_columns(
        x=pl.lit(x, pl.Int64), p=pl.lit(p, pl.String)
    )


def opened(uri: str) -> DeltaTable:
    return DeltaTable(uri, storage_options=delta_storage_options(uri))


def read(uri: str) -> pl.DataFrame:
    found = pl.scan_delta(opened(uri), storage_options=delta_storage_options(uri) or None)
    return found.select(SCHEMA.names()).sort("n", "x", "p").collect()


def written(uri: str, frame: pl.DataFrame) -> list[DataFile]:
    with TableWriter(uri, partition_by=["p"], buffer_bytes=2**20) as writer:
        writer.write(frame)
        return writer.finish()


def append(uri: str, frame: pl.DataFrame, table: DeltaTable | None = None) -> None:
    """A batch of ours, of an application of its own; to `table`, where it is not the newest version."""
    commit_batch(
        uri,
        table or open_table(uri),
        app_id=uuid.uuid4().hex,
        batch=1,
        files=written(uri, frame),
        schema=SCHEMA,
        partition_by=["p"],
    )


def active_files(uri: str, table: DeltaTable) -> list[ActiveFile]:
    """From the commits themselves, all of which are there."""
    found: dict[str, ActiveFile] = {}
    for version in range(table.version() + 1):
        for action in read_actions(uri, version):
            if add := action.get("add"):
                found[add["path"]] = ActiveFile(add["path"], add["size"], add["partitionValues"])
            elif remove := action.get("remove"):
                found.pop(remove["path"], None)
    return list(found.values())


def replacement(
    uri: str, table: DeltaTable, change: Change, *, p: str | None = "a", whole: bool = False, **options: Any
) -> Replacement:
    """What replaces the rows that `table` has in partition `p`, or in `whole`, by changed ones."""
    files = active_files(uri, table)
    mine = [file for file in files if whole or file.partition_values["p"] == p]
    scanned = pl.scan_delta(table, storage_options=delta_storage_options(uri) or None).select(SCHEMA.names())
    before = scanned.filter(pl.lit(whole) | pl.col("p").eq_missing(p)).collect()
    given: dict[str, Any] = {
        "operation": "MERGE",
        "data_change": True,
        "reads": "all" if whole else frozenset({partition_of({"p": p})}),
        "told": {"commit_id": uuid.uuid4().hex},
    }
    return Replacement(mine, written(uri, change(before)), **given | options)


def replace(uri: str, change: Change, **options: Any) -> int:
    table = opened(uri)
    return commit_replacement(uri, table, replacement(uri, table, change, **options))


def plus_100(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("x") + 100)
