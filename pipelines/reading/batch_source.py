"""A pass over the files of a batch: from their bytes to conformed rows that a query can draw."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.progress import Progress
from pipelines.query import Counters, RowSource, distinct, transformed
from pipelines.reading.intake import FILE_NUMBER, Columns, Intake, Refused, Taken, forget
from pipelines.reading.landed import read_landed
from pipelines.reading.recalled import Recalled, recalled
from pipelines.tally import Tally
from storage.reading.items import Item
from storage.tables.quarantine.recalled import recalled_records
from transforms.conform import Conformer
from transforms.whole_batch import needs_whole_batch, without_rows

Watch = Callable[[Generator[pl.DataFrame]], Generator[pl.DataFrame]]
Note = Callable[[Generator[Any]], Generator[Any]]

_SPAN_SHARE = 32
"""Of the memory budget, for records that are taken out of the quarantine together (16 MiB of 512 MiB): each
span is a query of its own."""


def unwatched(frames: Generator[pl.DataFrame]) -> Generator[pl.DataFrame]:
    """The frames themselves: nobody looks at them."""
    return frames


def unnoted(items: Generator[Any]) -> Generator[Any]:
    """The items themselves."""
    return items


class Reading:
    """The files of one batch, or its records in the quarantine, to be read as often as needed.

    Args:
        batch: Its number.
        files: In order; columns file, path, identity, size (bytes) and replays, as the ledger has them.

    Raises:
        ExpectationError: An expectation of the pipeline cannot be checked.
    """

    def __init__(self, pipeline: Pipeline, batch: int, files: pl.DataFrame, settings: Settings) -> None:
        self._pipeline = pipeline
        self._batch = batch
        self._files = files
        self._settings = settings
        self._columns = Columns(lineage=pipeline.lineage, file_number=bool(pipeline.table.distinct_by))
        self._conformer = Conformer(
            pipeline,
            max_nesting=settings.max_nesting,
            positions=self._columns.positions,
            max_record_bytes=settings.max_record_bytes,
        )

    def tally(self) -> Tally:
        """An empty one."""
        return Tally(self._files.height, [rule.name for rule in self._conformer.rules])

    @contextmanager
    def conformed(
        self,
        tally: Tally,
        refused: Refused,
        progress: Progress | None = None,
        taken: Taken = forget,
        watch: Watch = unwatched,
        note: Note = unnoted,
    ) -> Iterator[RowSource]:
        """One pass; the files are closed at the end of the block, whoever is still reading them.

        Args:
            tally: Gets the fate of every record.
            refused: Gets the refused records, in the thread that draws.
            taken: Gets those of the quarantine that are not refused again, likewise.
            watch: Gets the conformed rows, and hands them on.
            note: Gets the items that they come from, likewise.
        """
        paths = self._files["path"].to_list()  # row objects allowed: one path a file
        is_replay = self._files["replays"].count() > 0
        with closing(note(self._recalled() if is_replay else self._landed())) as items:
            intake = Intake(
                self._conformer, paths, self._columns, tally, refused, self._settings.threads, taken
            )
            frames = intake.frames(progress.watch(items) if progress else items)
            with closing(RowSource(watch(frames), intake.schema)) as source:
                yield source

    def distinct_by_file(self) -> NDArray[np.int64]:
        """For each file, how many rows are left when duplicates by key have gone; reads all files again."""
        kept = np.zeros(self._files.height, np.int64)
        with self.conformed(self.tally(), forget) as source:
            rows = distinct(source.scan(), self._pipeline.table.distinct_by, kept)
            rows.select(pl.len()).collect(engine="streaming")
        return kept

    def may_stop_early(self) -> bool:
        """Whether the transforms might end before they have seen every row, as by a `limit`; a superset."""
        schema = self._columns.extend(self._conformer.schema)
        schema.pop(FILE_NUMBER, None)
        return bool(needs_whole_batch(transformed(without_rows(schema), self._pipeline, Counters())))

    def _landed(self) -> Generator[Item]:
        return read_landed(self._pipeline, self._files, self._settings)

    def _recalled(self) -> Generator[Recalled]:
        """Records out of the quarantine, in the order of the files."""
        uri, name = self._pipeline.table.uri, self._pipeline.name
        span = max(self._settings.memory_bytes // _SPAN_SHARE, self._settings.block_bytes)
        for some in recalled_records(uri, name, self._files, up_to=self._batch - 1, span_bytes=span):
            yield from recalled(self._pipeline.source, some)
