"""Counts the records of landed files once more, without decoding them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.reading.landed import read_landed
from storage.errors import FileChangedError, FileVanishedError, NotFoundError
from storage.landing.listing import LANDING_SCHEMA, list_landing
from storage.reading.blocks import Block, Damage
from storage.reading.rows import Rows
from storage.tables.feed.present import present_pieces, readable
from storage.tables.quarantine.markers import BY_LIMIT
from transforms.decode.lines import split

_ENDED_BY_LIMIT: Final = -(2**40)
"""Instead of a number of records: more than what comes before and behind it."""


@dataclass(frozen=True)
class Recount:
    """The files of one batch, counted again.

    counts: those that are there unchanged, and could be read as far as no limit of this process ended them:
        `file`, the position in the batch, and `records`.
    gone, changed: how many of the others there are.
    """

    counts: pl.DataFrame
    gone: int
    changed: int


def landed_now(pipeline: Pipeline, ledger: pl.DataFrame) -> pl.DataFrame:
    """`path` and `identity` of what lies in the landing zone; nothing where the zone itself is gone.

    Of a source table, what `ledger` has of the files that lie in its folder.
    """
    if pipeline.source.table is not None:
        return present_pieces(pipeline.source.table, ledger)
    try:
        landed = list_landing(pipeline.source.location)
    except NotFoundError:
        landed = LANDING_SCHEMA.to_frame()
    return landed.select("path", "identity")


def recount(
    files: pl.DataFrame,
    landed: pl.DataFrame,
    pipeline: Pipeline,
    settings: Settings,
    at: Callable[[int], None] = lambda _position: None,
) -> Recount:
    """Reads the files of a batch that are still there unchanged; memory is bounded by the settings.

    Records are found as for a run, and what cannot be read of a file counts as one. A file that goes or
    changes while it is read counts as gone or changed.

    Args:
        files: As the ledger has them: `file`, `path`, `identity`, `size`.
        landed: What `landed_now` gave.
        at: Told which of the files that are there is being read, from 0.
    """
    there, gone = _there(files, landed, pipeline)
    changed = files.height - gone - there.height
    while True:
        try:
            records = _count(there, pipeline, settings, at)
        except (FileVanishedError, FileChangedError) as error:
            there = there.filter(pl.col("path") != error.where)
            gone += isinstance(error, FileVanishedError)
            changed += isinstance(error, FileChangedError)
        else:
            counts = there.select("file", records=pl.Series(records)).filter(pl.col("records") >= 0)
            return Recount(counts, gone, changed)


def _there(files: pl.DataFrame, landed: pl.DataFrame, pipeline: Pipeline) -> tuple[pl.DataFrame, int]:
    """The files that are there unchanged, and how many are gone."""
    if pipeline.source.table is not None:
        there = readable(files, landed)
        return there, files.height - there.height
    now = files.join(landed, on="path", how="left", suffix="_now", maintain_order="left")
    return now.filter(pl.col("identity") == pl.col("identity_now")), now["identity_now"].null_count()


def _count(
    files: pl.DataFrame, pipeline: Pipeline, settings: Settings, at: Callable[[int], None]
) -> NDArray[np.int64]:
    """For each file; negative where a limit ended it."""
    records = np.zeros(files.height, np.int64)
    with closing(read_landed(pipeline, files, settings)) as items:
        for item in items:
            if isinstance(item, Block):
                at(item.segments[-1].file)
                starts = np.array([segment.start for segment in item.segments], np.int64)
                lines = split(item.data, item.size, starts, item.form)
                np.add.at(records, [segment.file for segment in item.segments], lines.per_part())
            else:
                at(item.file)
                records[item.file] += _records_in(item)
    return records


def _records_in(item: Rows | Damage) -> int:
    if isinstance(item, Rows):
        return int(item.batch.num_rows)
    return _ENDED_BY_LIMIT if item.reason in BY_LIMIT else 1
