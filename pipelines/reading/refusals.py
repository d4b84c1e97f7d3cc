"""Refused records on their way to the quarantine: collected, so that a few of a block cost no query each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from storage.reading.blocks import Damage
from transforms.records import NOWHERE
from transforms.refused import Refused, joined

_MOST_RECORDS = 8192
_MOST_BYTES = 4 * 1024 * 1024

Take = Callable[[pl.DataFrame], None]


@dataclass(frozen=True, eq=False)
class Places:
    """Where the parts of one block come from, a slot for each."""

    files: NDArray[np.int32]
    starts: NDArray[np.int64]  # in the block
    offsets: NDArray[np.int64]  # in the file
    lines: NDArray[np.int64]  # of the file, before this part


class Refusals:
    """Hands refused records on as rows of the quarantine, many at a time.

    Args:
        paths: Of the files of the batch.
        take: Gets rows with the columns of the quarantine's `REFUSED_SCHEMA`.
    """

    def __init__(self, paths: pl.Series, take: Take) -> None:
        self._paths, self._take = paths, take
        self._waiting: list[tuple[Refused, Places, str | None]] = []
        self._records = self._bytes = 0

    def add(self, refused: Refused, places: Places, header: str | None) -> None:
        """Takes records of one block.

        Args:
            header: What must be known beside them to read them again.
        """
        self._waiting.append((refused, places, header))
        self._records += len(refused)
        self._bytes += refused.copies.raw.nbytes
        if self._records >= _MOST_RECORDS or self._bytes >= _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hands on what waits."""
        located = [_located(*one) for one in self._waiting]
        self._waiting, self._records, self._bytes = [], 0, 0
        if located:
            self._take(self._rows(located))

    def add_damage(self, damage: Damage, record: int) -> None:
        """Hands on what could not be read of a file, as the record of that number."""
        kept = len(damage.data) == damage.length
        self._take(
            pl.DataFrame(
                {
                    "path": [self._paths[damage.file]],
                    "record": [record],
                    "offset": [damage.offset],
                    "length": [damage.length],
                    "reason": [damage.reason],
                    "column": [None],
                    "raw": [damage.data if kept else None],
                    "header": [None],
                },
                schema_overrides={"column": pl.String, "raw": pl.Binary, "header": pl.String},
            )
        )

    def _rows(self, located: Sequence[_Located]) -> pl.DataFrame:
        frame = joined([one.refused for one in located]).frame()
        headers = pl.Series([one.header for one in located], dtype=pl.String)
        sizes = [len(one.refused) for one in located]
        return frame.select(
            pl.lit(self._paths.gather(np.concatenate([one.files for one in located]))).alias("path"),
            pl.lit(pl.Series(np.concatenate([one.numbers for one in located]))).alias("record"),
            "offset",
            pl.col("raw").bin.size("b").cast(pl.Int64).alias("length"),
            "reason",
            "column",
            "raw",
            pl.lit(headers.gather(np.repeat(np.arange(len(located)), sizes))).alias("header"),
        )


@dataclass(frozen=True, eq=False)
class _Located:
    refused: Refused  # offsets are those in the file
    files: NDArray[np.int32]
    numbers: NDArray[np.int64]  # of the records in their files, from 1
    header: str | None


def _located(refused: Refused, places: Places, header: str | None) -> _Located:
    copies = refused.copies
    part = copies.parts
    moved = copies.offsets + (places.offsets - places.starts)[part]
    offsets = np.where(copies.offsets == NOWHERE, NOWHERE, moved)
    return _Located(
        refused=replace(refused, copies=replace(copies, offsets=offsets)),
        files=places.files[part],
        numbers=copies.lines + places.lines[part] + 1,
        header=header,
    )
