"""A Delta table: files and their bounds by its log, some footers, and one row group in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl
import pyarrow.parquet as pq

from pipelines.inspection.chunks import chunks_of, row_groups_of
from pipelines.inspection.document import ArrowMemory, Inspection, Ranges, memory_document
from pipelines.inspection.parquet import columns_of_group, fields_of
from pipelines.inspection.ranges import Bounds, Path, bounds_of, leaves_of, ranges_of
from storage.buffers.sizes import Memory
from storage.skipping.fragments import Fragments
from storage.skipping.log_statistics import log_statistics
from storage.skipping.reader import TableReader
from storage.skipping.store import open_store
from storage.upstream import translated

_FOOTERS: Final = 20


def inspect_table(reader: TableReader, columns: Sequence[str] | None) -> Inspection:
    """The document about one version of a table.

    Costs its log, the footers of 20 files at most, and the columns of one row group, one after the other.

    Args:
        reader: Of the table.
        columns: Whose ranges are told, by dotted names; None for all.

    Raises:
        StorageError: The table cannot be read.
    """
    files, schema = reader.files(), reader.arrow_schema()
    partitioned = reader.table.metadata().partition_columns
    bounds: dict[Path, Bounds] = {}
    ranges: list[Ranges] = []
    for path in leaves_of(schema):  # one after the other: of many files and columns this is much
        known = log_statistics(files, [path], reader.schema)
        bounds[path] = bounds_of(known, 0)
        if columns is None or ".".join(path) in columns:
            ranges.append(ranges_of(known, 0, path, "files"))
    facts = {"version": str(reader.version), "files": f"{files.height:,}"}
    facts |= {"partitioned by": ", ".join(partitioned)} if partitioned else {}
    with translated("read the footers of the table", reader.uri):
        footers = _footers(reader, files) if reader.is_plain() else []
        counted = _memory(reader, files) if footers else None
    return Inspection(
        path=reader.uri,
        format="Delta table",
        bytes=int(files["size"].sum()),
        rows=None if files["rows"].null_count() else int(files["rows"].sum()),
        facts=facts,
        schema=fields_of(schema),
        row_groups=row_groups_of(footers),
        chunks_of=f"{len(footers)} of {files.height:,} files",
        chunks=chunks_of(footers, bounds),
        ranges=ranges,
        memory=counted,
    )


def _footers(reader: TableReader, files: pl.DataFrame) -> list[Any]:
    some = files.sort("path").gather_every(max(1, -(-files.height // _FOOTERS)))
    return [one.metadata for one in Fragments(reader.uri, reader.table).of(some)]


def _memory(reader: TableReader, files: pl.DataFrame) -> ArrowMemory | None:
    """Of the first row group of the newest file that has one."""
    newest = files.sort("modified", "path", descending=[True, False])["path"][0]
    store, root = open_store(reader.uri)
    with store.open_input_file(f"{root}/{newest}") as source:
        file = pq.ParquetFile(source, pre_buffer=False)
        if not file.metadata.num_row_groups:
            return None
        columns = [one for part in columns_of_group(file, 0) for one in part.columns]
    rows = file.metadata.row_group(0).num_rows
    return memory_document(Memory(tuple(columns)), f"the first row group, {rows:,} rows, of {newest}")
