"""A Parquet file: its footer, and what its row groups take in memory, one column of one of them at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import SimpleNamespace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.inspection.chunks import chunks_of, row_groups_of
from pipelines.inspection.document import Field, Inspection, memory_document
from pipelines.inspection.ranges import Path, bounds_of, leaves_of, ranges_of
from storage.buffers.memory import memory
from storage.buffers.sizes import Memory, total
from storage.reading.typed.mapped import Mapped
from storage.skipping.row_groups import row_group_statistics, spans


def inspect_parquet(file: Mapped) -> Generator[str, None, Inspection]:
    """Gives the document in the end, and the names of the steps on the way: each may take a while.

    Raises:
        pa.ArrowException: The file is damaged.
    """
    found = pq.ParquetFile(pa.BufferReader(file.data), pre_buffer=False, page_checksum_verification=True)
    footer, schema = found.metadata, found.schema_arrow
    yield "footer"
    parts: list[Memory] = []
    for group in range(footer.num_row_groups):
        parts.append(Memory(()))
        for one in columns_of_group(found, group):
            parts[-1] = Memory((*parts[-1].columns, *one.columns))
            yield "column"
        parts = [total(parts)]
        file.let_go()
    leaves = leaves_of(schema) if footer.num_row_groups else {}
    known = _statistics(footer, schema, leaves)
    counted = memory_document(parts[0] if parts else Memory(()), "all row groups")
    return Inspection(
        path="",
        format="Parquet",
        bytes=file.data.size,
        rows=footer.num_rows,
        facts={"format version": str(footer.format_version), "written by": footer.created_by or "not told"},
        schema=fields_of(schema),
        row_groups=row_groups_of([footer]),
        chunks_of="all row groups",
        chunks=chunks_of([footer], {path: bounds_of(known, number) for number, path in enumerate(leaves)}),
        ranges=[ranges_of(known, number, path, "row groups") for number, path in enumerate(leaves)],
        memory=counted,
    )


def columns_of_group(file: Any, group: int) -> Iterator[Memory]:
    """What each column of a row group takes as pyarrow reads it; no more than one of them is in memory."""
    positions = spans(file.schema_arrow)
    for field in file.schema_arrow:
        leaves = list(positions[(field.name,)])
        yield memory(file.reader.read_row_group(group, column_indices=leaves, use_threads=False))


def fields_of(schema: pa.Schema) -> list[Field]:
    """The columns of a schema."""
    return [Field(name=one.name, type=str(one.type), nullable=one.nullable) for one in schema]


def _statistics(footer: Any, schema: pa.Schema, leaves: dict[Path, pl.DataType]) -> pl.DataFrame:
    fragment = SimpleNamespace(metadata=footer, physical_schema=schema)
    return row_group_statistics([fragment], leaves, pl.DataFrame({"ours": [True]}))
