"""The files of a batch as one stream of conformed rows; what is refused goes to the quarantine on the way.

Items are conformed by a pool of threads and settled in their order: positions, counts and rows come out the
same however many threads there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from config.names import FILE, RECORD
from pipelines.reading.recalled import Recalled
from pipelines.reading.refusals import Places, Refusals
from pipelines.tally import Tally
from storage.reading.blocks import Block, Damage, Segment
from storage.reading.items import Item
from storage.reading.rows import Rows
from transforms.conform import Chunk, Conformed, Conformer
from transforms.decode.typed.schema_text import schema_text
from transforms.errors import RecordRefusedError
from transforms.records import LINE, PART

FILE_NUMBER = "_file_number"
"""Where a row comes from while duplicates are counted: the file's place in the batch, from 0."""

Refused = Callable[[pl.DataFrame], None]
Taken = Callable[[pl.DataFrame], None]


def forget(_records: pl.DataFrame) -> None:
    """For a pass that only counts."""


@dataclass(frozen=True)
class Columns:
    """Which columns say where a row comes from."""

    lineage: bool  # `_file` and `_record`
    file_number: bool

    @property
    def positions(self) -> bool:
        """Whether conforming must keep positions at all."""
        return self.lineage or self.file_number

    def extend(self, conformed: pl.Schema) -> pl.Schema:
        """The columns of the rows that `Intake` gives out."""
        schema = pl.Schema({name: kind for name, kind in conformed.items() if name not in (PART, LINE)})
        if self.lineage:
            schema[FILE], schema[RECORD] = pl.String(), pl.Int64()
        if self.file_number:
            schema[FILE_NUMBER] = pl.Int32()
        return schema


class Intake:
    """One pass over the blocks of a batch.

    Args:
        refused: Gets the refused records.
        taken: Gets the places of those records out of the quarantine that are not refused again.
    """

    def __init__(
        self,
        conformer: Conformer,
        paths: Sequence[str],
        columns: Columns,
        tally: Tally,
        refused: Refused,
        threads: int,
        taken: Taken = forget,
    ) -> None:
        self._conformer = conformer
        self._paths = pl.Series("path", paths, pl.String)
        self._columns = columns
        self._tally = tally
        self._refusals = Refusals(self._paths, refused)
        self._threads = threads
        self._taken = taken
        self._lines_before = np.zeros(len(paths), np.int64)
        self.schema = columns.extend(conformer.schema)

    def frames(self, blocks: Iterable[Item | Recalled]) -> Generator[pl.DataFrame]:
        """Conformed rows in the order of the files, some megabytes a frame; refused records go aside.

        Lazy; holds a block for each thread, and what became of it.
        """
        with ThreadPoolExecutor(self._threads, thread_name_prefix="conform") as pool:
            waiting: deque[tuple[Item | Recalled, Future[Conformed] | None]] = deque()
            for item in blocks:
                waiting.append((item, self._submit(pool, item)))
                if len(waiting) >= self._threads:
                    yield from self._settle(*waiting.popleft())
            while waiting:
                yield from self._settle(*waiting.popleft())
            self._refusals.flush()

    def _submit(self, pool: ThreadPoolExecutor, item: Item | Recalled) -> Future[Conformed] | None:
        if isinstance(item, Damage):
            return None
        if isinstance(item, Recalled):
            again = (
                self._conformer.conform_copies
                if isinstance(item.form, pa.Schema)
                else self._conformer.conform_lines
            )
            return pool.submit(again, item.data, item.lines, item.form)
        if isinstance(item, Rows):
            return pool.submit(self._conformer.conform_rows, item.batch)
        starts = np.array([segment.start for segment in item.segments], np.int64)
        return pool.submit(self._conformer.conform, item.data, item.size, starts, item.form)

    def _settle(self, item: Item | Recalled, result: Future[Conformed] | None) -> Iterator[pl.DataFrame]:
        if isinstance(item, Damage):
            self._tally.add_damage(item.file)
            self._lines_before[item.file] += 1
            self._refusals.add_damage(item, int(self._lines_before[item.file]))
        elif result is not None:
            conformed = self._conformed(item, result)
            parts = self._recalled(item, conformed) if isinstance(item, Recalled) else self._parts(item)
            np.add.at(self._lines_before, parts.files, conformed.line_counts)
            for chunk in conformed.chunks:
                yield self._settle_chunk(chunk, parts, item)

    def _conformed(self, item: Block | Rows | Recalled, result: Future[Conformed]) -> Conformed:
        try:
            return result.result()
        except RecordRefusedError as error:
            if isinstance(item, Recalled):
                file, before = item.files[error.part], item.before[error.part]
            else:
                file = self._parts(item).files[error.part]
                before = self._lines_before[file]
            raise error.at(self._paths[int(file)], int(before) + error.line + 1) from error

    def _recalled(self, item: Recalled, conformed: Conformed) -> Places:
        still = [chunk.refused.copies.offsets for chunk in conformed.chunks if chunk.refused is not None]
        self._taken(item.without(np.concatenate([np.empty(0, np.int64), *still])))
        nowhere = np.zeros(len(item.files), np.int64)
        return Places(files=item.files, starts=nowhere, offsets=nowhere, lines=item.before)

    def _settle_chunk(self, chunk: Chunk, parts: Places, item: Block | Rows | Recalled) -> pl.DataFrame:
        self._tally.add(parts.files, chunk.counts)
        if chunk.refused is not None:
            self._refusals.add(chunk.refused, parts, _header(item))
        if not self._columns.positions:
            return chunk.accepted
        return self._with_positions(chunk.accepted, parts)

    def _parts(self, item: Block | Rows) -> Places:
        segments = (Segment(item.file, 0, 0),) if isinstance(item, Rows) else item.segments
        files = np.array([segment.file for segment in segments], np.int32)
        return Places(
            files=files,
            starts=np.array([segment.start for segment in segments], np.int64),
            offsets=np.array([segment.offset for segment in segments], np.int64),
            lines=self._lines_before[files],
        )

    def _with_positions(self, accepted: pl.DataFrame, parts: Places) -> pl.DataFrame:
        part = accepted[PART].to_numpy()
        frame = accepted.drop(PART, LINE)
        if self._columns.lineage:
            record = accepted[LINE].to_numpy() + parts.lines[part] + 1
            frame = frame.with_columns(
                self._paths.gather(parts.files[part]).alias(FILE), pl.Series(RECORD, record)
            )
        if self._columns.file_number:
            frame = frame.with_columns(pl.Series(FILE_NUMBER, parts.files[part]))
        return frame


def _header(item: Block | Rows | Recalled) -> str | None:
    """What must be known beside a record to read it again."""
    if isinstance(item, Rows):
        return schema_text(item.batch.schema)
    if isinstance(item.form, pa.Schema):
        return schema_text(item.form)
    return None if item.form.header is None else item.form.header.decode()
