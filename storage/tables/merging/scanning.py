"""The keys of many files as one lazy frame, each row with its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from storage.filesystem import delta_storage_options, is_remote, local_path

_FILES_AT_ONCE: Final = 128
"""Files in one query: Polars opens all of them, with threads and plans of their own."""

ROW: Final = "\0row"
"""The number of a row in its file, from 0. No column of a user bears such a name, and so for the others."""
FILE: Final = "\0file"
PART: Final = "\0part"
PLACE: Final = (FILE, ROW)

_CASTS: Final = pl.ScanCastOptions(
    integer_cast="upcast",
    float_cast="upcast",
    datetime_cast=["nanosecond-downcast", "convert-timezone"],
    missing_struct_fields="insert",
    extra_struct_fields="ignore",
    categorical_to_string="allow",
)
"""What files of other writers may need; columns that are younger than a file are null in it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to look into.

    Attributes:
        number: Tells it from others.
        part: The number of its partition.
        path: Relative to the table, as the store has it.
    """

    number: int
    part: int
    path: str


def scans(uri: str, sources: Sequence[Source], columns: pl.Schema) -> Iterator[pl.LazyFrame]:
    """The rows of `sources`, in order, with `PART`, `FILE`, `ROW` and `columns`; some files at a time."""
    for first in range(0, len(sources), _FILES_AT_ONCE):
        some = sources[first : first + _FILES_AT_ONCE]
        yield pl.concat([_scan(uri, one, columns) for one in some])


def full_path(uri: str, path: str) -> str:
    """Where Polars finds a file of the table."""
    return f"{uri.rstrip('/') if is_remote(uri) else local_path(uri)}/{path}"


def _scan(uri: str, source: Source, columns: pl.Schema) -> pl.LazyFrame:
    rows = pl.scan_parquet(
        full_path(uri, source.path),
        glob=False,
        hive_partitioning=False,
        schema=dict(columns),
        row_index_name=ROW,
        missing_columns="insert",
        extra_columns="ignore",
        cast_options=_CASTS,
        storage_options=delta_storage_options(uri) or None,
    )
    place = pl.lit(source.part, pl.Int32).alias(PART), pl.lit(source.number, pl.Int32).alias(FILE)
    return rows.with_columns(place)
