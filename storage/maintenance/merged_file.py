"""Writes one large data file from a stream of rows; memory is bounded by a row group, not by the file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from storage.filesystem import is_remote, open_filesystem
from storage.layout.data_file import DataFile
from storage.layout.encodings import encodings_for
from storage.layout.file_layout import FileLayout
from storage.layout.parquet_file import even_share
from storage.layout.row_groups import RowGroups
from storage.upstream import translated

PREFIX: Final = "compacted"
"""What the names of such files begin with."""
_PART_BYTES: Final = 8 * 2**20
"""Of an object that is written part by part; S3 asks for 5 MiB at least."""


class Cut:
    """A stream of frames, cut after any number of rows."""

    def __init__(self, frames: Iterator[pl.DataFrame]) -> None:
        self._frames = frames
        self._rest = pl.DataFrame()

    def next(self, rows: int) -> pl.DataFrame:
        """The next rows as one frame; fewer where there are no more."""
        taken: list[pl.DataFrame] = []
        while rows > 0:
            if self._rest.is_empty():
                found = next(self._frames, None)
                if found is None:
                    break
                self._rest = found
            taken.append(self._rest.head(rows))
            self._rest = self._rest.slice(rows)
            rows -= taken[-1].height
        return pl.concat(taken, rechunk=True) if taken else pl.DataFrame()

    def left(self) -> int:
        """How many rows there are beyond; they are read and forgotten."""
        return self._rest.height + sum(frame.height for frame in self._frames)


def write_merged(
    uri: str,
    path: str,
    rows: Cut,
    count: int,
    values: Mapping[str, str | None],
    *,
    layout: FileLayout,
    nan: frozenset[int],
) -> DataFile:
    """Writes the next `count` of the rows as the file `path` of the table at `uri`; no reader sees it yet.

    Args:
        rows: In the order of the layout.
        count: At least 1. Where there are fewer rows, so has the file.
        values: Of the partition that the file belongs to.
        nan: Positions of the leaves that may hold NaN (`RowGroups`).

    Raises:
        StorageError: It could not be written; a part of it may be there.
    """
    filesystem, root = open_filesystem(uri)
    share = even_share(count, layout.row_group_rows)
    first = rows.next(min(share, count))
    parts = {"block_size": _PART_BYTES} if is_remote(uri) else {}
    opened = filesystem.open(f"{root}/{path}", "wb", **parts)
    with translated("write a data file", f"{uri}/{path}"), opened as sink:
        file = RowGroups(sink, first.schema, layout, encodings_for(first), nan)
        written = 0
        while first.height:
            file.write(first)
            written += first.height
            first = rows.next(min(share, count - written))
        stats = file.finish()
    size = int(filesystem.size(f"{root}/{path}"))
    return DataFile(path, size, written, dict(values), stats, time.time_ns() // 1_000_000)
