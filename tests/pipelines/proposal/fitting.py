"""Conforms all that landed, without a table: what a run would take in, and what it would refuse."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import polars as pl

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.reading.landed import read_landed
from storage.landing.listing import list_landing
from storage.reading.blocks import Block
from storage.reading.rows import Rows
from transforms.conform import Chunk, Conformer


@dataclass(frozen=True)
class Fit:
    """What became of the records.

    Attributes:
        accepted: How many are rows now.
        rescued: How many of these have something in `_rescued`.
        refused: The reason and the column of each of the others; of a damage, only its reason.
    """

    accepted: int
    rescued: int
    refused: list[tuple[str, str | None]]


def fit(pipeline: Pipeline, settings: Settings) -> Fit:
    """Reads all files of the landing zone of `pipeline`."""
    conformer = Conformer(pipeline, max_nesting=settings.max_nesting, positions=False)
    accepted, rescued, refused = 0, 0, list[tuple[str, str | None]]()
    files = list_landing(pipeline.source.location).filter(pl.col("size") > 0)
    with closing(read_landed(pipeline, files, settings)) as items:
        for item in items:
            if not isinstance(item, Block | Rows):
                refused.append((item.reason, None))
                continue
            for chunk in _chunks(conformer, item):
                accepted += chunk.accepted.height
                rescued += chunk.accepted["_rescued"].count()
                refused += zip(chunk.rejected["reason"], chunk.rejected["column"], strict=True)
    return Fit(accepted, rescued, refused)


def _chunks(conformer: Conformer, item: Block | Rows) -> list[Chunk]:
    if isinstance(item, Rows):
        return conformer.conform_rows(item.batch).chunks
    starts = np.array([segment.start for segment in item.segments], np.int64)
    return conformer.conform(item.data, item.size, starts, item.form).chunks
