"""One Parquet file: from a sorted frame to bytes, and what the Delta log says about them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
import pyarrow.parquet as pq

from storage.layout.encodings import ZSTD_LEVEL, Encodings, encodings_for
from storage.layout.file_layout import AS_IT_COMES, FileLayout
from storage.layout.file_statistics import file_statistics
from storage.layout.not_a_number import leaves_with_nan
from storage.layout.row_groups import RowGroups

_BOUNDS: Final[dict[str, bool]] = {"min": True, "max": True, "null_count": True, "distinct_count": False}


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A whole Parquet file in memory, `stats` being the text of its Delta statistics."""

    data: bytes
    rows: int
    stats: str


def encode_parquet(
    frame: pl.DataFrame, layout: FileLayout = AS_IT_COMES, encodings: Encodings | None = None
) -> ParquetFile:
    """Writes `frame` as it is: same rows, same order, same columns, which must be storable ones.

    By Polars, on all cores, where it can write what is asked for. Encodings and Bloom filters, bounds of some
    columns only, and columns with NaN are for `RowGroups`, which takes a tenth more time and gives files that
    are a tenth smaller: compaction writes all of them so.

    Takes about as much memory as the bytes it gives, beside the frame, and about 0.4 s of CPU for a million
    nested events. For what statistics the file has see `RowGroups`.

    Args:
        frame: In the order of `layout`, which the caller sees to.
        layout: Of the file.
        encodings: Of its leaves, chosen by trial; None for what is written fastest.
    """
    nan = leaves_with_nan(frame)
    sink = io.BytesIO()
    group_rows = even_share(frame.height, layout.row_group_rows)
    if encodings is None and not nan and is_plain(layout):
        frame.write_parquet(sink, **polars_options(group_rows))
        return ParquetFile(
            sink.getvalue(), frame.height, file_statistics(frame.schema, pq.read_metadata(sink))
        )
    file = RowGroups(sink, frame.schema, layout, encodings or encodings_for(frame), nan)
    for rows in frame.iter_slices(group_rows):
        file.write(rows)
    stats = file.finish()
    return ParquetFile(sink.getvalue(), frame.height, stats)


def is_plain(layout: FileLayout) -> bool:
    """Whether Polars can write such files."""
    return not layout.bloom and layout.statistics is None


def polars_options(row_group_rows: int) -> dict[str, Any]:
    """As `write_parquet` and `sink_parquet` take them."""
    return {
        "compression": "zstd",
        "compression_level": ZSTD_LEVEL,
        "statistics": _BOUNDS,
        "row_group_size": row_group_rows,
    }


def even_share(rows: int, row_group_rows: int) -> int:
    """Rows for each row group so that all are of about the same size, instead of a small one at the end."""
    groups = max(1, round(rows / row_group_rows))
    return max(1, -(-rows // groups))
