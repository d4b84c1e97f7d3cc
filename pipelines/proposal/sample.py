"""A look at a landing zone: some records of some files, and what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, cast

import polars as pl
import pyarrow as pa

from config.formats import Format, TypedFormat, delimiter_of, format_of
from config.settings import MIB, Settings
from pipelines.proposal.declared import declared_compression, declared_format
from pipelines.proposal.heads import Head, read_heads
from pipelines.proposal.recognize import Family, family_of, format_of_head
from pipelines.proposal.records import records_of
from storage.filesystem import is_remote
from storage.landing.listing import list_landing
from storage.reading.rows import Rows
from storage.reading.typed_files import read_rows
from transforms.inference.infer import infer_columns
from transforms.inference.infer_csv import CsvHead, CsvInferred, infer_csv
from transforms.inference.infer_typed import infer_typed
from transforms.inference.inferred import Inferred

MOST_RECORDS: Final = 10_000
MOST_FILES: Final = 20
_MOST_COPIED_BYTES: Final = 256 * MIB
"""Of typed files in object stores, which are copied before they are read."""
_BATCH_BYTES: Final = MIB


@dataclass(frozen=True)
class Sample:
    """What a landing zone holds.

    Attributes:
        found: The columns.
        source: What a spec says of how the files are written: format, compression, csv.
        notes: What is to be said of these, by their keys; of the source as a whole by none.
        files_read: How many files the records come from.
        files_landed: How many files there are.
    """

    found: Inferred
    source: Mapping[str, object]
    notes: Mapping[tuple[str, ...], str] = field(default_factory=dict)
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
    names = landed["path"].to_list()  # row objects allowed: one path a file
    families = [family_of(format_of(path)) for path in names]
    family = _most_frequent(families)
    chosen = _spread(landed.filter(pl.Series([one == family for one in families])))
    sample = _look(chosen, settings) if family != "typed" else _look_at_typed(chosen, settings, {})
    source, notes = declared_format(names, sample.paths, sample.kinds)
    return Sample(
        sample.found,
        {**source, **sample.source},
        {**notes, **sample.notes},
        files_read=len(sample.paths),
        files_landed=landed.height,
    )


@dataclass(frozen=True)
class _Looked:
    """What some files hold: all of one family."""

    found: Inferred
    paths: Sequence[str]
    kinds: Sequence[Format]
    source: Mapping[str, object] = field(default_factory=dict)
    notes: Mapping[tuple[str, ...], str] = field(default_factory=dict)


def _spread(landed: pl.DataFrame) -> pl.DataFrame:
    """The oldest and the newest file, and others spread evenly by path."""
    count = min(landed.height, MOST_FILES)
    ages = landed["modified"]
    ends = {ages.arg_min() or 0, ages.arg_max() or 0}
    rest = [place for place in range(landed.height) if place not in ends]
    more = max(count - len(ends), 0)
    return landed[sorted([*ends, *(rest[number * len(rest) // more] for number in range(more))])]


def _look(chosen: pl.DataFrame, settings: Settings) -> _Looked:
    """At files of text, or whose names do not tell."""
    most = MOST_RECORDS // chosen.height
    heads = list(
        read_heads(
            chosen["path"].to_list(),  # row objects allowed: one path a file
            chosen["size"].to_list(),  # row objects allowed: one size a file
            most_lines=most + 1,
            most_bytes=settings.memory_bytes // 8 // chosen.height,
            most_record_bytes=settings.max_record_bytes,
        )
    )
    kinds = {head.path: format_of_head(head) for head in heads}
    family = _most_frequent([family_of(kind) for kind in kinds.values()])
    heads = [head for head in heads if family_of(kinds[head.path]) == family]
    if family == "typed":
        known = {head.path: kinds[head.path] for head in heads}
        return _look_at_typed(chosen.filter(pl.col("path").is_in(list(known))), settings, known)
    kept = [kinds[head.path] for head in heads]
    compression, notes = declared_compression([head.compression for head in heads])
    if family == "json":
        records = (
            record for head, kind in zip(heads, kept, strict=True) for record in records_of(head, kind, most)
        )
        return _Looked(infer_columns(records), [head.path for head in heads], kept, compression, notes)
    csv = _look_at_csv(heads, most)
    return _Looked(
        csv.found,
        [head.path for head in heads],
        kept,
        {**compression, "csv": csv.csv},
        {**notes, **{("csv", key): note for key, note in csv.notes.items()}},
    )


def _look_at_csv(heads: Sequence[Head], most: int) -> CsvInferred:
    usual = {delimiter_of(head.path) for head in heads}
    csv = infer_csv(
        [CsvHead(head.data, head.whole) for head in heads],
        usual_delimiter=delimiter_of(heads[0].path),
        most_records=most,
    )
    if len(usual) > 1:  # each file has that of its suffix
        del csv.csv["delimiter"]
    return csv


def _look_at_typed(chosen: pl.DataFrame, settings: Settings, kinds: Mapping[str, Format]) -> _Looked:
    """At the first rows of each file, which another process opens."""
    batches: list[pa.RecordBatch] = []
    paths: list[str] = []
    left = _MOST_COPIED_BYTES
    for path, size in zip(chosen["path"], chosen["size"], strict=True):
        if paths and is_remote(path) and size > left:
            continue
        left -= size
        kind = kinds.get(path) or cast(TypedFormat, format_of(path))
        paths.append(path)
        if (batch := _first_rows(path, size, cast(TypedFormat, kind), settings)) is not None:
            batches.append(batch)
    formats = [kinds.get(path) or cast(TypedFormat, format_of(path)) for path in paths]
    return _Looked(infer_typed(batches), paths, formats)


def _first_rows(path: str, size: int, kind: TypedFormat, settings: Settings) -> pa.RecordBatch | None:
    rows = read_rows(
        [path],
        [size],
        formats=[kind],
        batch_bytes=_BATCH_BYTES,
        max_record_bytes=settings.max_record_bytes,
        memory_bytes=settings.memory_bytes,
    )
    with closing(rows):
        return next((item.batch for item in rows if isinstance(item, Rows)), None)


def _most_frequent(values: Sequence[Family]) -> Family:
    ((value, _),) = Counter(values).most_common(1)
    return value
