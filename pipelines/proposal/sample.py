"""A look at a landing zone: some records of some files, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from config.formats import format_of
from config.settings import Settings
from pipelines.proposal.declared import Notes, declared_format
from pipelines.proposal.look import look_at_text, look_at_typed, most_frequent
from pipelines.proposal.recognize import family_of
from storage.landing.listing import list_landing
from transforms.inference.infer import infer_columns
from transforms.inference.inferred import Inferred

MOST_RECORDS: Final = 10_000
MOST_FILES: Final = 20


@dataclass(frozen=True)
class Sample:
    """What a landing zone holds.

    Attributes:
        found: The columns.
        source: What a spec says of how the files are written: format, compression, csv.
        notes: What is to be said of these.
        files_read: How many files the records come from.
        files_landed: How many files there are.
    """

    found: Inferred
    source: Mapping[str, object]
    notes: Notes = ()
    files_read: int = 1
    files_landed: int = 1


def sample_landing(uri: str, settings: Settings) -> Sample:
    """Up to 10,000 records of up to 20 files: the oldest, the newest, and others spread evenly by path.

    Of files in several formats, those of the most frequent one are looked at. The sample takes at most an
    eighth of the memory budget, and at least one record of each file it looks at. Of typed files it takes
    the first rows.

    Raises:
        StorageError: The landing zone is missing or cannot be read.
    """
    landed = list_landing(uri).filter(pl.col("size") > 0)
    if landed.is_empty():
        return Sample(infer_columns([]), {"format": "ndjson"}, files_read=0, files_landed=0)
    paths = landed["path"].to_list()  # row objects allowed: one path a file
    families = [family_of(format_of(path)) for path in paths]
    family = most_frequent(families)
    chosen = _spread(landed.filter(pl.Series([one == family for one in families])))
    if family == "typed":
        looked = look_at_typed(chosen, settings, {})
    else:
        looked = look_at_text(chosen, settings, MOST_RECORDS // chosen.height)
    source, notes = declared_format(paths, looked.kinds)
    return Sample(
        looked.found, source | looked.source, (*notes, *looked.notes), len(looked.kinds), landed.height
    )


def _spread(landed: pl.DataFrame) -> pl.DataFrame:
    """The oldest and the newest file, and others spread evenly by path."""
    ages = landed["modified"]
    ends = {ages.arg_min() or 0, ages.arg_max() or 0}
    rest = [place for place in range(landed.height) if place not in ends]
    more = min(landed.height, MOST_FILES) - len(ends)
    return landed[sorted([*ends, *(rest[number * len(rest) // more] for number in range(more))])]
