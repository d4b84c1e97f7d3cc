"""A pass over the files of a batch: from their bytes to conformed rows that a query can draw."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from config.formats import TYPED, FileFormat
from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.intake import FILE_NUMBER, Columns, Intake, Refused
from pipelines.progress import Progress
from pipelines.query import Counters, RowSource, distinct, transformed
from pipelines.tally import Tally
from storage.reading.blocks import read_blocks
from storage.reading.items import Item
from transforms.conform import Conformer
from transforms.whole_batch import needs_whole_batch, without_rows


class Reading:
    """The files of one batch, to be read as often as needed.

    Args:
        files: In order; columns path, identity, size (bytes).

    Raises:
        ExpectationError: An expectation of the pipeline cannot be checked.
    """

    def __init__(self, pipeline: Pipeline, files: pl.DataFrame, settings: Settings) -> None:
        self._pipeline = pipeline
        self._files = files
        self._settings = settings
        self._formats = [pipeline.source.format_of(path) for path in files["path"]]
        self._columns = Columns(lineage=pipeline.lineage, file_number=bool(pipeline.table.key))
        self._conformer = Conformer(
            pipeline, max_nesting=settings.max_nesting, positions=self._columns.positions
        )

    def tally(self) -> Tally:
        """An empty one."""
        return Tally(self._files.height, [rule.name for rule in self._conformer.rules])

    @contextmanager
    def conformed(
        self, tally: Tally, refused: Refused, progress: Progress | None = None
    ) -> Iterator[RowSource]:
        """One pass; the files are closed at the end of the block, whoever is still reading them.

        Args:
            tally: Gets the fate of every record.
            refused: Gets the refused records, in the thread that draws.
        """
        paths = self._files["path"].to_list()  # row objects allowed: one path a file
        with closing(self._items()) as items:
            intake = Intake(self._conformer, paths, self._columns, tally, refused, self._settings.threads)
            frames = intake.frames(progress.watch(items) if progress else items)
            with closing(RowSource(frames, intake.schema)) as source:
                yield source

    def distinct_by_file(self) -> NDArray[np.int64]:
        """For each file, how many rows are left when duplicates by key have gone; reads all files again."""
        kept = np.zeros(self._files.height, np.int64)
        with self.conformed(self.tally(), _forget) as source:
            rows = distinct(source.scan(), self._pipeline.table.key, kept)
            rows.select(pl.len()).collect(engine="streaming")
        return kept

    def may_stop_early(self) -> bool:
        """Whether the transforms might end before they have seen every row, as by a `limit`; a superset."""
        schema = self._columns.extend(self._conformer.schema)
        schema.pop(FILE_NUMBER, None)
        return bool(needs_whole_batch(transformed(without_rows(schema), self._pipeline, Counters())))

    def _items(self) -> Generator[Item]:
        """The files in order: each run of typed ones, and each of text, by a reader of its own."""
        first = 0
        for typed, run in groupby(self._formats, key=lambda one: one in TYPED):
            formats = list(run)
            files = self._files.slice(first, len(formats))
            reader = self._rows(files, formats, first) if typed else self._blocks(files, first)
            with closing(reader) as items:
                yield from items
            first += len(formats)

    def _blocks(self, files: pl.DataFrame, first: int) -> Generator[Item]:
        return read_blocks(
            files["path"].to_list(),  # row objects allowed: one path a file
            files["size"].to_list(),  # row objects allowed: one size a file
            identities=files["identity"].to_list(),  # row objects allowed: one text a file
            compression=self._pipeline.source.compression,
            block_bytes=self._settings.block_bytes,
            max_record_bytes=self._settings.max_record_bytes,
            first_position=first,
        )

    def _rows(self, files: pl.DataFrame, formats: list[FileFormat], first: int) -> Generator[Item]:
        raise NotImplementedError


def _forget(_refused: pl.DataFrame) -> None:
    """For a pass that only counts."""
