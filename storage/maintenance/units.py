"""Which files of a partition are merged together, so that memory is bounded, and how each of them is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import polars as pl

from storage.layout.file_layout import ROW_GROUP_ROWS, FileLayout
from storage.maintenance.file_rows import PIECE_ROWS, FileRows

Way = Literal["pieces", "whole", "passes"]
"""`pieces`: a file in order, piece by piece; `whole`: a file that is sorted in memory; `passes`: files in no
order that memory is too small for, of which all are read several times, for a range of the keys each time."""

PARTS_OF_MEMORY: Final = 8
"""Rows that wait to be merged, those that are being sorted, twice, and a row group that is encoded."""
_MOST_FILES: Final = 256
"""Of one unit: all of them are open at the same time."""
_MOST_PASSES: Final = 16
"""Times that files are read: a bound for the work, not for the memory."""


def pass_bytes(memory_bytes: int) -> int:
    """The memory of the rows that are sorted in one pass."""
    return memory_bytes // PARTS_OF_MEMORY // 2


def units(
    uri: str, files: pl.DataFrame, columns: pl.Schema, layout: FileLayout, memory_bytes: int
) -> Iterator[pl.DataFrame]:
    """Runs of `files`, at least two in each; lazy. A file that is left alone is in none.

    Args:
        files: Of one partition, in the columns of FILES_SCHEMA.
        columns: Of the table's files.
        layout: Of the new ones.
        memory_bytes: The budget of this process.

    Returns:
        The columns of `files`, `way`, and `row_bytes`, what a row takes in memory, about.
    """
    if not layout.sort_by and not layout.z_order_by:
        yield files.sort("modified_ms", "path").with_columns(way=pl.lit("pieces"), row_bytes=pl.lit(1))
        return
    rows = [FileRows(uri, path, columns) for path in files["path"]]
    row_bytes = rows[0].row_bytes()
    budget = memory_bytes // PARTS_OF_MEMORY
    begin, ways, costs = 0, list[Way](), _Costs(budget)
    for number, (one, count, size) in enumerate(zip(rows, files["rows"], files["size"], strict=True)):
        way = _way(one, count or PIECE_ROWS, row_bytes, layout, budget)
        full = number - begin >= _MOST_FILES or not costs.allow(way, count, size, row_bytes)
        if full and number - begin >= 2:
            yield _unit(files[begin:number], ways, row_bytes)
            begin, ways, costs = number, [], _Costs(budget)
        costs.add(way, count, size, row_bytes)
        ways.append(way)
    if len(ways) >= 2:
        yield _unit(files[begin:], ways, row_bytes)


class _Costs:
    """What the files of a unit take in memory."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._bytes = 0
        self._in_passes = 0

    def allow(self, way: Way, rows: int | None, size: int, row_bytes: int) -> bool:
        """Whether there is room for one more file."""
        more = _Costs(self._budget)
        more._bytes, more._in_passes = self._bytes, self._in_passes
        more.add(way, rows, size, row_bytes)
        within = more._bytes + (self._budget // 2 if more._in_passes else 0) <= self._budget
        return within and more._in_passes <= _MOST_PASSES * (self._budget // 2)

    def add(self, way: Way, rows: int | None, size: int, row_bytes: int) -> None:
        """Takes one file, which may be too large."""
        whole_bytes = row_bytes * (rows or PIECE_ROWS)
        if way == "passes":
            self._in_passes += whole_bytes
        elif way == "whole":
            self._bytes += whole_bytes
        else:  # a piece, and about a row group as it is stored
            group_bytes = size * ROW_GROUP_ROWS // max(ROW_GROUP_ROWS, rows or 0)
            self._bytes += row_bytes * min(rows or PIECE_ROWS, PIECE_ROWS) + group_bytes


def _way(file: FileRows, rows: int, row_bytes: int, layout: FileLayout, budget: int) -> Way:
    if layout.z_order_by or rows <= 2 * PIECE_ROWS:
        return "whole"
    if file.is_ordered(layout.sort_by[0]):
        return "pieces"
    return "whole" if rows * row_bytes <= budget // 2 else "passes"


def _unit(files: pl.DataFrame, ways: Sequence[Way], row_bytes: int) -> pl.DataFrame:
    return files.with_columns(way=pl.Series(ways, dtype=pl.String), row_bytes=pl.lit(row_bytes))
