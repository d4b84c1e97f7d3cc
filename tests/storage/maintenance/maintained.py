"""Tables of many small files, for tests of maintenance."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from deltalake import DeltaTable

from storage.filesystem import delta_storage_options
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.maintenance.compaction import Compacted, compact
from storage.maintenance.files import files_of
from storage.tables.commits import commit_batch
from storage.tables.content_hash import content_hash
from storage.tables.delta import last_batch, open_table
from tests.table_rows import rows_of

LAYOUT = FileLayout(sort_by=("id",))
MEMORY = 512 * 2**20


def opened(uri: str) -> DeltaTable:
    table = open_table(uri)
    assert table is not None
    return table


def append(
    uri: str, frame: pl.DataFrame, *, partition_by: Sequence[str] = (), layout: FileLayout = LAYOUT
) -> None:
    """One batch of the application `events`."""
    table = open_table(uri)
    with TableWriter(uri, partition_by=partition_by, layout=layout, buffer_bytes=2**26) as writer:
        writer.write(frame)
        files = writer.finish()
    number = last_batch(table, "events") + 1
    commit_batch(
        uri, table, app_id="events", batch=number, files=files, schema=frame.schema, partition_by=partition_by
    )


def rows(uri: str) -> pl.LazyFrame:
    return rows_of(opened(uri))


def hash_of(uri: str, version: int | None = None) -> str:
    table = DeltaTable(uri, version, storage_options=delta_storage_options(uri))
    return content_hash(rows_of(table))


def compacted(uri: str, layout: FileLayout = LAYOUT, memory: int = MEMORY) -> Compacted:
    """All files of the table, small or not."""
    table = opened(uri)
    files = files_of(table).sort("partition", "size", "path")
    return compact(uri, table, files.filter(pl.len().over("partition") >= 2), layout, memory)
