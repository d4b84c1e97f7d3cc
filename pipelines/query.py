"""The one lazy query of a batch: conformed rows, distinct keys, transforms, with counters in between."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.io.plugins import register_io_source

from config.pipeline import Pipeline
from pipelines.reading.intake import FILE_NUMBER
from transforms.steps import apply_step, step_name


@dataclass
class Counters:
    """Rows that went past each point of the query, in its order."""

    rows: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def add(self, point: str, rows: int) -> None:
        """Polars calls from several threads."""
        with self.lock:
            self.rows[point] += rows


class RowSource:
    """Frames as a lazy frame of which Polars draws them, once.

    given: rows that have been drawn so far. Polars draws ahead, and throws away what its query then does not
        ask for, as after a `limit`; so this may be more than what has passed behind it.
    """

    def __init__(self, frames: Generator[pl.DataFrame], schema: pl.Schema) -> None:
        self._frames = frames
        self._schema = schema
        self._opened = False
        self._failure: Exception | None = None
        self._drawing = Lock()
        self.given = 0

    def scan(self) -> pl.LazyFrame:
        """A lazy frame over the rows; counting behind it keeps Polars from pushing anything down into it."""
        return register_io_source(self._draw, schema=self._schema, is_pure=True, explain_name="batch")

    def drain(self) -> None:
        """Reads on to the end, after the query: what it did not ask for must be read and counted as well.

        Raises whatever went wrong on the way, be it in frames that Polars drew ahead and did not miss.
        """
        while self._next() is not None:
            pass

    def close(self) -> None:
        """Ends the frames, once whoever is drawing one has got it."""
        with self._drawing:
            self._frames.close()

    def _draw(
        self, _columns: list[str] | None, _predicate: pl.Expr | None, _rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        if self._opened:
            raise RuntimeError("the rows of a batch are read once, and the query plan reads them twice")
        self._opened = True
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> pl.DataFrame | None:
        # Polars may still be at a frame, in a thread of its own, when its query has ended.
        with self._drawing:
            if self._failure is not None:
                raise self._failure
            try:
                frame = next(self._frames, None)
            except Exception as error:
                self._failure = error
                raise
            self.given += frame.height if frame is not None else 0
            return frame


def counted(frame: pl.LazyFrame, counters: Counters, point: str) -> pl.LazyFrame:
    """`frame` with its rows counted as they pass; a barrier to the optimizer, so that counts are true."""
    counters.rows[point] = 0

    def count(rows: pl.DataFrame) -> pl.DataFrame:
        counters.add(point, rows.height)
        return rows

    return _passing(frame, count)


def distinct(frame: pl.LazyFrame, key: Sequence[str], kept: NDArray[np.int64]) -> pl.LazyFrame:
    """The first row of each key, in order; adds to `kept` how many each `_file_number` has, and drops it."""
    lock = Lock()

    def count(rows: pl.DataFrame) -> pl.DataFrame:
        with lock:
            kept[:] += np.bincount(rows[FILE_NUMBER].to_numpy(), minlength=len(kept))
        return rows

    first = frame.unique([column(path) for path in key], keep="first", maintain_order=True)
    return _passing(first, count).drop(FILE_NUMBER)


def column(path: str) -> pl.Expr:
    """A column, or a field in it, by its dotted path."""
    first, *fields = path.split(".")
    expression = pl.col(first)
    for name in fields:
        expression = expression.struct.field(name)
    return expression


def transformed(frame: pl.LazyFrame, pipeline: Pipeline, counters: Counters) -> pl.LazyFrame:
    """`frame` after all transforms of the pipeline, the rows after each counted under its name."""
    for number, step in enumerate(pipeline.transforms, 1):
        name = step_name(number, step)
        frame = counted(apply_step(frame, step, name), counters, name)
    return frame


_passing = partial(
    pl.LazyFrame.map_batches,
    predicate_pushdown=False,
    projection_pushdown=False,
    slice_pushdown=False,
    streamable=True,
)
