"""From rows in any order to the files of each partition, without small files as long as memory allows."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl

from storage.layout.data_file import DataFile
from storage.layout.file_layout import FileLayout
from storage.layout.frame_memory import buffers, compacted, joined_bytes, trimmed
from storage.layout.parquet_file import ParquetFile, encode_parquet, even_share
from storage.layout.partitions import Run, folder, grouped, storable
from storage.layout.sort_keys import sort_keys
from storage.layout.uploads import Uploads
from storage.layout.z_order import z_ordered

_MEMORY_OF_A_BYTE = 4
"""Memory of rows that become a byte of Parquet, about, as long as no file has told it."""

_ENCODERS = 2
"""Files that are encoded while the next rows are sorted: a sort alone keeps one core busy, not two."""


class PartitionFiles:
    """Writes the large partitions of each batch of rows, and carries the rows of small ones over to the next.

    Args:
        uploads: Where files go.
        partition_by: Columns that files do not hold; the log has their values.
        layout: Of each file; the order of arrival where its order knows no difference.
        file_bytes: Memory of the rows that are worth a file, at most: less where `layout` wants smaller ones.
            A million nested events take 150 MB, and become 25 MB of Parquet.
        carry_bytes: Memory of the rows to carry over, at most. Beyond, the largest partitions are written
            until half of it is free.
        prefix: What the names of files begin with.
        refused: Takes rows whose partition values no table can hold (`partitions.storable`).
        aside: A column for a file of its own beside each data file (`beside`), row by row; None for none.
    """

    def __init__(
        self,
        uploads: Uploads,
        *,
        partition_by: Sequence[str],
        layout: FileLayout,
        file_bytes: int,
        carry_bytes: int,
        prefix: str,
        refused: Callable[[pl.DataFrame], None],
        aside: str | None = None,
    ) -> None:
        self._refused = refused
        self._aside = [aside] if aside else []
        self._uploads = uploads
        self._partition_by = list(partition_by)
        self._layout = layout
        self._sort_by = [name for name in layout.sort_by if name not in partition_by]
        self._file_bytes = min(file_bytes, _MEMORY_OF_A_BYTE * layout.file_size)
        self._carry_bytes = carry_bytes
        self._prefix = prefix
        self._carried: list[pl.DataFrame] = []
        self._threads = ThreadPoolExecutor(_ENCODERS, "penstock-encode")
        self._encoding: deque[tuple[Run, Future[tuple[ParquetFile, bytes | None]]]] = deque()
        self.files: list[DataFile] = []

    def carried_bytes(self) -> int:
        """Memory that is held between two calls."""
        return sum(max(joined_bytes(frame), sum(buffers(frame).values())) for frame in self._carried)

    def add(self, frames: list[pl.DataFrame], *, last: bool = False) -> None:
        """Takes in `frames`, of one schema, and empties the list, so that their memory is freed early.

        Args:
            frames: Any number, in any order.
            last: Whether to write everything, however small.
        """
        frames[:0] = self._carried
        self._carried = []
        if frames:
            self._sort_and_write(frames, last)
        if last:
            self._settle(0)

    def _sort_and_write(self, frames: list[pl.DataFrame], last: bool) -> None:
        # A sort joins the chunks as it moves the rows; joining them before would move them twice.
        rows, bad = storable(pl.concat(frames, rechunk=not self._sort_by), self._partition_by)
        frames.clear()
        if bad.height:
            self._refused(bad)
        rows, parts = grouped(rows, self._partition_by, sort_keys(rows.schema, self._sort_by))
        chosen = parts if last else self._worth_a_file(parts, rows)
        for part in chosen:
            self._write(
                rows if part.rows == rows.height else trimmed(rows.slice(part.start, part.rows)), part
            )
        written = {part.start for part in chosen}
        left = [rows.slice(part.start, part.rows) for part in parts if part.start not in written]
        if left:
            self._carried = [compacted(pl.concat(left))]

    def _worth_a_file(self, parts: list[Run], rows: pl.DataFrame) -> list[Run]:
        row_bytes = joined_bytes(rows) / max(1, rows.height)
        by_size = sorted(parts, key=lambda part: part.rows, reverse=True)
        large = [part for part in by_size if part.rows * row_bytes >= self._file_bytes]
        small = by_size[len(large) :]
        left_bytes = sum(part.rows for part in small) * row_bytes
        goal = left_bytes if left_bytes <= self._carry_bytes else self._carry_bytes / 2
        for part in small:
            if left_bytes <= goal:
                break
            large.append(part)
            left_bytes -= part.rows * row_bytes
        return large

    def close(self) -> None:
        """Ends the threads; what they have not begun is dropped. May be called again."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _write(self, rows: pl.DataFrame, part: Run) -> None:
        rows = z_ordered(rows.drop(self._partition_by), self._layout.z_order_by)
        for piece in rows.iter_slices(self._rows_of_a_file(rows)):
            self._settle(_ENCODERS - 1)
            encoded = self._threads.submit(self._encoded, piece)
            self._encoding.append((part, encoded))

    def _rows_of_a_file(self, rows: pl.DataFrame) -> int:
        """Shares that come near to the size that files should have; what files took so far tells how near."""
        written = sum(file.rows for file in self.files)
        row_bytes = sum(file.size for file in self.files) / written if written else self._guess(rows)
        return even_share(rows.height, max(1, int(self._layout.file_size / max(1, row_bytes))))

    @staticmethod
    def _guess(rows: pl.DataFrame) -> float:
        return joined_bytes(rows) / rows.height / _MEMORY_OF_A_BYTE

    def _encoded(self, rows: pl.DataFrame) -> tuple[ParquetFile, bytes | None]:
        aside = encode_parquet(rows.select(self._aside)).data if self._aside else None
        return encode_parquet(rows.drop(self._aside), self._layout), aside

    def _settle(self, left: int) -> None:
        """Puts encoded files where they belong, in order, until at most `left` are being encoded."""
        while len(self._encoding) > left:
            part, encoded = self._encoding.popleft()
            self._put(part, *encoded.result())

    def _put(self, part: Run, parquet: ParquetFile, aside: bytes | None) -> None:
        path = f"{folder(part.values)}{self._prefix}-{uuid.uuid4().hex}.parquet"
        self._uploads.put(path, parquet.data)
        if aside is not None:
            self._uploads.put(beside(path), aside)
        written_ms = time.time_ns() // 1_000_000
        self.files.append(
            DataFile(path, len(parquet.data), parquet.rows, part.values, parquet.stats, written_ms)
        )


def beside(path: str) -> str:
    """Where the column lies that was to be kept out of a data file."""
    return f"{path.removesuffix('.parquet')}-aside.parquet"
