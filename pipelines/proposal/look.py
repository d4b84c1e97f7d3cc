"""What some files of one family hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from typing import Final, cast

import polars as pl
import pyarrow as pa

from config.formats import Format, TypedFormat, delimiter_of, format_of
from config.settings import MIB, Settings
from pipelines.proposal.declared import Notes, declared_compression
from pipelines.proposal.heads import Head, read_heads
from pipelines.proposal.recognize import Family, family_of, format_of_head, is_spread
from pipelines.proposal.records import records_of
from storage.filesystem import is_remote
from storage.reading.rows import Rows
from storage.reading.typed_files import read_rows
from transforms.inference.infer import infer_columns
from transforms.inference.infer_csv import CsvHead, infer_csv
from transforms.inference.infer_typed import infer_typed
from transforms.inference.inferred import Inferred
from transforms.inference.json_text import parse_object

_MOST_COPIED_BYTES: Final = 256 * MIB
"""Of typed files in object stores, which are copied before they are read."""
_BATCH_BYTES: Final = MIB
_MOST_TRIED: Final = 10
"""Records of a file, to tell whether it holds any."""
_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Looked:
    """What some files hold.

    Attributes:
        found: The columns.
        kinds: The format of each file that was looked at, by its path.
        source: What a spec says of how they are written, but for the format.
        notes: What is to be said of that.
    """

    found: Inferred
    kinds: Mapping[str, Format]
    source: dict[str, object] = field(default_factory=dict)
    notes: Notes = ()


def look_at_text(files: pl.DataFrame, settings: Settings, most: int) -> Looked:
    """At `most` records of each file of text, or of whatever its contents say where its name does not tell.

    Args:
        files: Columns path and size, at least one row.
    """
    heads = list(
        read_heads(
            files["path"].to_list(),  # row objects allowed: one path a file
            files["size"].to_list(),  # row objects allowed: one size a file
            most_lines=most + 1,
            most_bytes=settings.memory_bytes // 8 // files.height,
            most_record_bytes=settings.max_record_bytes,
        )
    )
    kinds = {head.path: format_of_head(head) for head in heads}
    family = most_frequent([family_of(kind) for kind in kinds.values()])
    kinds = {path: kind for path, kind in kinds.items() if family_of(kind) == family}
    if any(is_spread(head) for head in heads if kinds.get(head.path) == "json"):
        kinds = dict.fromkeys(kinds, "json")
    if family == "typed":
        return look_at_typed(files.filter(pl.col("path").is_in(list(kinds))), settings, kinds)
    heads = [head for head in heads if head.path in kinds]
    compression, notes = declared_compression([head.compression for head in heads])
    looked = (_look_at_json if family == "json" else _look_at_csv)(heads, kinds, most)
    return Looked(looked.found, kinds, compression | looked.source, (*notes, *looked.notes))


def look_at_typed(files: pl.DataFrame, settings: Settings, kinds: Mapping[str, Format]) -> Looked:
    """At the first rows of each file, which another process opens.

    Args:
        files: Columns path and size, at least one row.
        kinds: Their formats, where their names do not tell.
    """
    found: dict[str, pa.RecordBatch | None] = {}
    left = _MOST_COPIED_BYTES
    for path, size in zip(files["path"], files["size"], strict=True):
        if found and is_remote(path) and size > left:
            continue
        left -= size
        found[path] = _first_rows(path, size, cast(TypedFormat, kinds.get(path) or format_of(path)), settings)
    columns = infer_typed([batch for batch in found.values() if batch is not None])
    return Looked(columns, {path: kinds.get(path) or cast(TypedFormat, format_of(path)) for path in found})


def most_frequent(families: Sequence[Family]) -> Family:
    """Of at least one; of several, the first."""
    ((family, _),) = Counter(families).most_common(1)
    return family


def _look_at_json(heads: Sequence[Head], kinds: Mapping[str, Format], most: int) -> Looked:
    files = {head.path: records_of(head, kinds[head.path], most) for head in heads}
    odd = [
        PurePosixPath(path).name
        for path, records in files.items()
        if records and all(parse_object(record) is None for record in records[:_MOST_TRIED])
    ]
    told = f"not one record at the beginning of {', '.join(odd[:_MOST_NAMED])} can be read"
    found = infer_columns(chain.from_iterable(files.values()))
    return Looked(found, kinds, notes=(((), told),) if odd else ())


def _look_at_csv(heads: Sequence[Head], kinds: Mapping[str, Format], most: int) -> Looked:
    usual = {delimiter_of(head.path) for head in heads}
    found = infer_csv(
        [CsvHead(head.data, head.whole) for head in heads],
        usual_delimiter=delimiter_of(heads[0].path),
        most_records=most,
    )
    # Where suffixes differ, each file has the delimiter of its own.
    csv = {key: value for key, value in found.csv.items() if key != "delimiter" or len(usual) == 1}
    notes = ((("csv", key), note) for key, note in found.notes.items() if key in csv)
    return Looked(found.found, kinds, {"csv": csv}, tuple(notes))


def _first_rows(path: str, size: int, kind: TypedFormat, settings: Settings) -> pa.RecordBatch | None:
    rows = read_rows(
        [path],
        [size],
        formats=[kind],
        batch_bytes=_BATCH_BYTES,
        max_record_bytes=settings.max_record_bytes,
        max_unpacked_bytes=settings.max_unpacked_bytes,
        memory_bytes=settings.memory_bytes,
    )
    with closing(rows):
        return next((item.batch for item in rows if isinstance(item, Rows)), None)
