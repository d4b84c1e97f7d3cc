"""How the rows of a batch become files: partitioned, sorted within each file, written beside the caller."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import polars as pl

from storage.errors import TableError, TableSchemaError
from storage.layout.data_file import DataFile
from storage.layout.file_layout import AS_IT_COMES, FileLayout
from storage.layout.frame_memory import Buffers, buffers, joined_bytes
from storage.layout.leaf_options import check_layout
from storage.layout.partition_files import PartitionFiles
from storage.layout.partitions import HIVE_NULL
from storage.layout.table_schema import check_partition_columns, to_storable
from storage.layout.uploads import Uploads, remove_files

__all__ = ["DataFile", "TableWriter", "remove_files"]


class TableWriter:
    """Takes the rows of one batch, and leaves sorted Parquet files that a commit can add to the table.

    Frames are collected until half of the memory is full; then a thread of its own sorts them, and two
    more encode the files, while the caller goes on, and waits only when the other half is full as well.
    Small partitions wait in memory for more rows, so that a batch makes few small files. Nothing is
    visible to readers before the files are committed.

        layout = FileLayout(sort_by=("actor.id",))
        with TableWriter(uri, partition_by=["day"], layout=layout, buffer_bytes=2**27) as writer:
            for frame in frames:
                writer.write(frame)
            files = writer.finish()

    Leaving the block by an exception, or without `finish`, removes what was written.

    Args:
        uri: The table's; it need not exist yet.
        partition_by: Columns that files do not hold; the log has their values.
        layout: Order, row groups and the like of each file.
        buffer_bytes: Memory for rows, the whole buffers that their text points into included. Sorting and
            encoding take as much again, for a short while.
        prefix: What the names of files begin with, such as the number of the batch.
        refused: Takes the rows whose partition values no table can hold, in a thread of the writer and
            before `finish` returns. None where there can be none: they are an error then.
        aside: A column that goes into no data file, but into one beside each (`partition_files.beside`).
    """

    def __init__(
        self,
        uri: str,
        *,
        partition_by: Sequence[str] = (),
        layout: FileLayout = AS_IT_COMES,
        buffer_bytes: int,
        prefix: str = "part",
        refused: Callable[[pl.DataFrame], None] | None = None,
        aside: str | None = None,
    ) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", prefix):
            raise ValueError(f"prefix must be up to 64 letters, digits and hyphens, got {prefix!r}")
        self._uri = uri
        self._partition_by = tuple(partition_by)
        self._layout = layout
        self._buffer_bytes = buffer_bytes
        self._uploads = Uploads(uri)
        # Carried rows take up to 1.5 times their estimated size: thirds of it are halves of the buffer.
        self._files = PartitionFiles(
            self._uploads,
            partition_by=partition_by,
            layout=layout,
            file_bytes=buffer_bytes // 8,
            carry_bytes=buffer_bytes // 3,
            prefix=prefix,
            refused=refused or self._refuse,
            aside=aside,
        )
        self._schema: pl.Schema | None = None
        self._frames: list[pl.DataFrame] = []
        self._held: Buffers = {}
        self._held_bytes = 0
        self._joined_bytes = 0
        self._carried_bytes = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="penstock-write")
        self._writing: Future[int] | None = None
        self._closed = False

    def write(self, frame: pl.DataFrame) -> None:
        """Takes the rows of `frame`; keeps it, and does not change it.

        Args:
            frame: All columns of the table, partition columns included, in the types of the first frame.

        Raises:
            TableSchemaError: A type that Delta cannot hold, columns that differ from the first frame's,
                or partition or sort columns that are missing or unsuitable.
            TableError: Partition values that cannot be stored, and nobody takes them.
            StorageError: An earlier part of the batch could not be written. The writer is of no more use.
        """
        self._check_open()
        frame = to_storable(frame)
        self._check_columns(frame.schema)
        if frame.is_empty():
            return
        self._frames.append(frame)
        self._count(frame)
        if max(self._held_bytes, self._joined_bytes) >= (self._buffer_bytes - self._carried_bytes) // 2:
            self._hand_over(last=False)

    def finish(self) -> list[DataFile]:
        """Writes what is left, and returns all files of the batch; none where there was no row.

        From here on the files are the caller's: commit them, or remove them with `remove_files`.
        """
        self._check_open()
        self._hand_over(last=True)
        self._wait()
        self._uploads.keep()
        self._close()
        return self._files.files

    def abort(self) -> None:
        """Removes the files that were written, as far as the store allows; after `finish`, does nothing."""
        if self._closed:
            return
        self._frames.clear()
        self._close()
        self._uploads.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def _count(self, frame: pl.DataFrame) -> None:
        """What the frames keep now, and what they will take as one: columns of nulls share all they have."""
        self._joined_bytes += joined_bytes(frame)
        for address, size in buffers(frame).items():
            self._held_bytes += max(0, size - self._held.get(address, 0))
            self._held[address] = max(size, self._held.get(address, 0))

    def _hand_over(self, *, last: bool) -> None:
        """Gives the collected frames to the thread, once it is done with those before."""
        self._wait()
        frames, self._frames = self._frames, []
        self._held, self._held_bytes, self._joined_bytes = {}, 0, 0
        self._writing = self._thread.submit(self._add, frames, last)

    def _add(self, frames: list[pl.DataFrame], last: bool) -> int:
        self._files.add(frames, last=last)
        return self._files.carried_bytes()

    def _wait(self) -> None:
        if self._writing is not None:
            self._carried_bytes = self._writing.result()
            self._writing = None

    def _close(self) -> None:
        self._closed = True
        self._thread.shutdown(wait=True)
        self._files.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the writer is finished or aborted; make a new one for each batch")

    def _check_columns(self, schema: pl.Schema) -> None:
        if self._schema is None:
            check_partition_columns(schema, self._partition_by)
            check_layout(schema, self._layout)
            self._schema = schema
        elif schema != self._schema:
            differing = [
                name for name in {**self._schema, **schema} if schema.get(name) != self._schema.get(name)
            ]
            raise TableSchemaError(
                "the rows of one batch must all have the same columns, in the same order",
                where=f"{self._uri}, column {', '.join(map(repr, differing))}" if differing else self._uri,
                got=schema,
                expected=self._schema,
            )

    def _refuse(self, bad: pl.DataFrame) -> None:
        raise TableError(
            "partition values that no table can hold so that all readers agree",
            where=f"{self._uri}, table.partition_by {list(self._partition_by)}",
            # row objects allowed: the first one
            got=f"{bad.height} rows, the first with {bad.select(self._partition_by).row(0)}",
            expected=f"null, or short text other than '' and {HIVE_NULL!r}, or a year from 1 to 9999",
            next_step="give the writer somebody who takes such rows (`refused`)",
        )
