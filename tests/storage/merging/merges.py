"""Batches for tests of merging: staged like those of a run, and merged into a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from storage.filesystem import delta_storage_options, open_filesystem
from storage.layout.data_file import DataFile
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.tables.delta import open_table
from storage.tables.merging.commit import MergeCommit, commit_merge
from storage.tables.merging.rule import ARRIVAL, MergeRule, Mode

SMALL = 4096
"""Bytes of rows that make a file, about: small batches have several for a partition then."""


def a_rule(
    mode: Mode = "upsert",
    key: Sequence[str] = ("id",),
    order_by: Sequence[str] = (),
    partition_by: Sequence[str] = (),
    sort_by: Sequence[str] = (),
    memory_bytes: int = 2**28,
) -> MergeRule:
    layout = FileLayout(sort_by=tuple(sort_by), row_group_rows=1024)
    return MergeRule(mode, tuple(key), tuple(order_by), tuple(partition_by), layout, memory_bytes)


def staged(
    uri: str, rule: MergeRule, frames: Sequence[pl.DataFrame], buffer_bytes: int = 2**26
) -> list[DataFile]:
    """The files of a batch, none of them committed."""
    first, aside = 0, ARRIVAL if rule.is_sorted else None
    with TableWriter(
        uri, partition_by=rule.partition_by, layout=rule.layout, buffer_bytes=buffer_bytes, aside=aside
    ) as writer:
        for frame in frames:
            numbers = pl.int_range(first, first + frame.height, dtype=pl.Int64).alias(ARRIVAL)
            writer.write(frame.with_columns(numbers) if aside else frame)
            first += frame.height
        return writer.finish()


def take_in(
    uri: str, rule: MergeRule, number: int, *frames: pl.DataFrame, app_id: str = "app", **options: Any
) -> MergeCommit:
    """Stages and commits a batch."""
    table = open_table(uri)
    files = staged(uri, rule, frames, **options)
    return commit(uri, table, rule, number, files, frames[0].schema, app_id=app_id)


def commit(
    uri: str,
    table: DeltaTable | None,
    rule: MergeRule,
    number: int,
    files: Sequence[DataFile],
    schema: pl.Schema,
    *,
    app_id: str = "app",
) -> MergeCommit:
    return commit_merge(uri, table, rule, app_id=app_id, batch=number, staged=files, schema=schema)


def rows(uri: str) -> pl.DataFrame:
    """All rows of the table."""
    return pl.scan_delta(uri, storage_options=delta_storage_options(uri) or None).collect()


def active_paths(uri: str) -> set[str]:
    """The files of the table, relative to it."""
    table = open_table(uri)
    assert table is not None
    actions = pl.DataFrame(table.get_add_actions())
    return {unquote(path) for path in actions["path"]}


def stored_paths(uri: str) -> set[str]:
    """All Parquet files in the folder of the table but checkpoints, committed or not."""
    filesystem, root = open_filesystem(uri)
    found = (name.removeprefix(root).lstrip("/") for name in filesystem.find(root))
    return {name for name in found if name.endswith(".parquet") and not name.startswith("_delta_log")}
