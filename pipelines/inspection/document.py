"""What is told of a file or a table: the document of `penstock inspect --json`."""

from __future__ import annotations

from typing import Literal, TypedDict

from storage.buffers.sizes import ColumnMemory, Memory


class Field(TypedDict):
    """A column of the schema, type as Arrow writes it."""

    name: str
    type: str
    nullable: bool


class Chunks(TypedDict):
    """A leaf column of Parquet, over all row groups that were looked at.

    `statistics`, `bloom_filters` and `page_indexes` say in how many of the `chunks`, which are columns of row
    groups, there are such; `nulls` is None where a chunk does not tell. `least` and `greatest` are bounds of
    all values, of a table by its log, as text; None where they are not known.
    """

    path: str
    physical_type: str
    encodings: list[str]
    compression: list[str]
    bytes: int
    unpacked_bytes: int
    nulls: int | None
    least: str | None
    greatest: str | None
    chunks: int
    statistics: int
    bloom_filters: int
    page_indexes: int


class RowGroups(TypedDict):
    """How many there are, and of how many rows and bytes (as stored) each is."""

    rows: list[int]
    bytes: list[int]


class Buffers(TypedDict):
    """See `storage.buffers.sizes.BufferMemory`."""

    kind: str
    count: int
    used_bytes: int
    held_bytes: int


class ColumnBuffers(TypedDict):
    """See `storage.buffers.sizes.ColumnMemory`; children follow with a longer `path`."""

    path: str
    type: str
    rows: int
    nulls: int
    buffers: list[Buffers]


class ArrowMemory(TypedDict):
    """`of` says which rows were counted."""

    of: str
    used_bytes: int
    held_bytes: int
    columns: list[ColumnBuffers]


class Ranges(TypedDict):
    """Where the values of a column lie in each row group or file, in the order of the file or of the log.

    `low` and `high` are bounds as text, None where they are not told or all values are null; `start` and
    `end` the same as places from 0 to 1 within the range of the column. `unknown`: those without bounds,
    which each lookup reads. `nothing_but_null`: those that no lookup of a value reads. `lookup_reads`: how
    many a lookup of one value reads, in the mean over rows; see `pipelines.inspection.clustering`.
    """

    column: str
    type: str
    units: Literal["row groups", "files"]
    total: int
    unknown: int
    nothing_but_null: int
    low: list[str | None]
    high: list[str | None]
    start: list[float | None]
    end: list[float | None]
    lookup_reads: float | None


class Inspection(TypedDict):
    """A file or a table.

    `rows` is None where nobody counted them; `facts` are what else the format tells, such as who wrote it.
    """

    path: str
    format: str
    bytes: int
    rows: int | None
    facts: dict[str, str]
    schema: list[Field]
    row_groups: RowGroups | None
    chunks_of: str
    chunks: list[Chunks]
    ranges: list[Ranges]
    memory: ArrowMemory | None


def memory_document(found: Memory, of: str) -> ArrowMemory:
    """`found` for the document, columns flat."""
    columns = [_buffers(path, part) for column in found.columns for path, part in column.walk()]
    return ArrowMemory(of=of, used_bytes=found.used, held_bytes=found.held, columns=columns)


def _buffers(path: str, part: ColumnMemory) -> ColumnBuffers:
    buffers = [
        Buffers(kind=one.kind, count=one.count, used_bytes=one.used, held_bytes=one.held)
        for one in part.buffers
    ]
    return ColumnBuffers(path=path, type=part.type, rows=part.rows, nulls=part.nulls, buffers=buffers)
