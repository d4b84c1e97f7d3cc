"""How the values of each leaf are encoded in a file, chosen by trying it out on a few thousand rows.

A dictionary pays where values come again, deltas where neighbours are alike, streams of bytes for floats;
each costs space and time where it does not fit, and what zstd makes of the result no rule foretells. On
nested events in the order of their arrival files are a quarter smaller than with dictionaries and plain
values alone, sorted a tenth, in the same time (https://parquet.apache.org/docs/file-format/data-pages/encodings).
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from storage.layout.arrow_tables import arrow_table
from storage.layout.leaves import leaves

_SAMPLE_ROWS: Final = 4_096
_WORTH_A_TRIAL: Final = 1_024
"""Rows of the smallest file whose encodings matter."""

_PAGE_ROWS: Final = 20_000
_PAGE_BYTES: Final = 2**20
"""Of a page at most, as pyarrow cuts them."""

_WORTH_DELTAS: Final = 0.9
"""Of the cost otherwise: readers take plain values and dictionaries faster."""

_UNPACKED: Final = 0.05
"""What a byte that readers unpack weighs against one that is stored and fetched."""

_DELTAS: Final = {
    "INT32": "DELTA_BINARY_PACKED",
    "INT64": "DELTA_BINARY_PACKED",
    "BYTE_ARRAY": "DELTA_BYTE_ARRAY",
    "FLOAT": "BYTE_STREAM_SPLIT",
    "DOUBLE": "BYTE_STREAM_SPLIT",
}
ZSTD_LEVEL: Final = 1
"""Level 3 takes 15 % more time and saves nothing on events; lz4 takes 20 % less time for 70 % more bytes."""
ZSTD: Final = {"compression": "zstd", "compression_level": ZSTD_LEVEL}


@dataclass(frozen=True, slots=True)
class Encodings:
    """For each leaf, by its Parquet path, one of three; plain values for those that are not named.

    Attributes:
        dictionary: Leaves whose distinct values are kept once a row group; None for all.
        others: The encoding of those that have another one.
        rows_at_once: How many values are encoded before the writer asks whether a page is full.
    """

    dictionary: tuple[str, ...] | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    rows_at_once: int = 1_024

    @property
    def chosen(self) -> bool:
        """Whether rows were looked at, and not too few of them."""
        return self.dictionary is not None

    def options(self) -> dict[str, Any]:
        """As `pyarrow.parquet.ParquetWriter` takes them."""
        if self.dictionary is None:
            return {"use_dictionary": True}
        return {
            "use_dictionary": list(self.dictionary),
            "column_encoding": dict(self.others),
            "write_batch_size": self.rows_at_once,
        }


def encodings_for(frame: pl.DataFrame) -> Encodings:
    """What suits rows like those in the middle of `frame`, which is in the order of its file.

    Takes about 10 ms of CPU for a dozen leaves. What is chosen suits other files of the same rows as well.
    """
    if frame.height < _WORTH_A_TRIAL:
        return Encodings()
    rows = arrow_table(frame.slice(max(0, (frame.height - _SAMPLE_ROWS) // 2), _SAMPLE_ROWS))
    plain = _tried(rows, Encodings(()))
    deltas = {path: _DELTAS[one.kind] for path, one in plain.items() if one.kind in _DELTAS}
    distinct, delta = _tried(rows, Encodings()), _tried(rows, Encodings((), deltas))
    others = {
        path: encoding
        for path, encoding in deltas.items()
        if delta[path].cost < _WORTH_DELTAS * min(plain[path].cost, distinct[path].cost)
    }
    categories = {leaf.parquet_path for leaf in leaves(frame.schema) if leaf.dtype == pl.Categorical}
    dictionary = {path for path, one in distinct.items() if one.cost <= plain[path].cost} - others.keys()
    return Encodings(
        tuple(dictionary | categories),
        {path: encoding for path, encoding in others.items() if path not in categories},
        _rows_at_once(rows.num_rows, plain.values()),
    )


@dataclass(frozen=True, slots=True)
class _Tried:
    """A leaf in some encoding.

    Attributes:
        kind: Its physical type.
        cost: Bytes stored, and a part of those that readers have to unpack.
        unpacked: Bytes before compression.
    """

    kind: str
    cost: float
    unpacked: int


def _rows_at_once(rows: int, plain: Iterable[_Tried]) -> int:
    """As many as make a page of the widest leaf: to ask takes time, and not to ask makes larger pages."""
    widest = max((one.unpacked for one in plain), default=0) / rows
    return int(min(_PAGE_ROWS, max(1, _PAGE_BYTES / max(1, widest))))


def _tried(rows: pa.Table, encodings: Encodings) -> dict[str, _Tried]:
    """Each leaf by its Parquet path, without those whose path another one has too."""
    sink = io.BytesIO()
    options = {**ZSTD, **encodings.options(), "write_statistics": False, "store_schema": False}
    with pq.ParquetWriter(sink, rows.schema, **options) as writer:
        writer.write_table(rows)
    group = pq.read_metadata(sink).row_group(0)
    columns = [group.column(position) for position in range(group.num_columns)]
    known = Counter(column.path_in_schema for column in columns)
    return {
        column.path_in_schema: _Tried(
            column.physical_type,
            column.total_compressed_size + _UNPACKED * column.total_uncompressed_size,
            column.total_uncompressed_size,
        )
        for column in columns
        if known[column.path_in_schema] == 1
    }
