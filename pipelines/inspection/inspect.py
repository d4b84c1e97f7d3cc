"""Looks at a file or a table: `penstock inspect`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from config.errors import did_you_mean
from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.errors import QueryError
from pipelines.inspection.document import Inspection
from pipelines.inspection.file import inspect_file
from pipelines.inspection.ranges import leaves_of
from pipelines.inspection.table import inspect_table
from storage.filesystem import is_remote, local_path, open_filesystem
from storage.skipping.reader import TableReader, read_table
from storage.upstream import translated

_FEW: Final = 3


def inspect(
    target: Pipeline | str, settings: Settings, columns: Sequence[str] = (), *, every_column: bool = False
) -> Inspection:
    """The document about a table, of a pipeline or at a URI, or about a file.

    Args:
        target: A pipeline, whose table is meant, or a URI.
        settings: Bound what untrusted files may take.
        columns: Whose ranges are told; by default those that the table is partitioned and sorted by, else the
            first three that have bounds.
        every_column: The ranges of all columns are told.

    Raises:
        QueryError: There is no such column, or it has no bounds.
        InspectionError: A file cannot be looked at.
        StorageError: There is nothing at the URI, or it cannot be read.
    """
    if isinstance(target, Pipeline):
        table = target.table
        keys = [*table.partition_by, *table.sort_by, *table.layout.z_order_by]
        return _table(read_table(table.uri), columns, keys, every_column)
    size = _file_size(target)
    if size is None:
        return _table(read_table(target), columns, [], every_column)
    found = inspect_file(target if is_remote(target) else local_path(target), size, settings)
    names = [one["column"] for one in found["ranges"]]
    _check(columns, names, target)
    known = [one["column"] for one in found["ranges"] if one["lookup_reads"] is not None]
    wanted = names if every_column else columns or known[:_FEW]
    found["ranges"] = [one for one in found["ranges"] if one["column"] in wanted]
    return found


def _table(reader: TableReader, columns: Sequence[str], keys: list[str], every_column: bool) -> Inspection:
    names = [".".join(path) for path in leaves_of(reader.arrow_schema())]
    _check(columns, names, reader.uri)
    keys = [*keys, *reader.table.metadata().partition_columns]
    chosen = columns or [name for name in names if name in keys] or names[:_FEW]
    return inspect_table(reader, None if every_column else chosen)


def _file_size(uri: str) -> int | None:
    """In bytes; None for a folder, or what may be one."""
    filesystem, path = open_filesystem(uri)
    with translated("look at the file", uri):
        found = filesystem.info(path)
    return int(found["size"]) if found["type"] == "file" else None


def _check(columns: Sequence[str], names: Sequence[str], where: str) -> None:
    for name in columns:
        if name not in names:
            raise QueryError(
                "there is no such column with bounds",
                where=where,
                got=name,
                expected=f"one of {', '.join(names)}" if names else "a format that tells bounds: Parquet",
                next_step=did_you_mean(name, names),
            )
