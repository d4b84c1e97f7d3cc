"""Writes a Parquet file one row group after the other, and tells what the Delta log says about it."""

from __future__ import annotations

from typing import IO, Any, Final

import polars as pl
import pyarrow.parquet as pq

from storage.errors import TableError
from storage.layout.arrow_tables import arrow_table
from storage.layout.bloom_filters import bloom_filters
from storage.layout.encodings import ZSTD, Encodings
from storage.layout.file_layout import FileLayout, columns_of
from storage.layout.file_statistics import file_statistics
from storage.layout.group_statistics import GroupStatistics, seen
from storage.layout.leaves import Leaf, leaves
from storage.layout.not_a_number import leaves_with_nan

_LONGEST_BOUND: Final = 4_096
"""Bytes of text beyond which pyarrow 26 leaves a row group without bounds."""


class RowGroups:
    """A Parquet file that grows by row groups; memory is bounded by one of them.

    Every leaf that `layout` names gets minimum, maximum and null count for each row group, and page indexes.
    Those with NaN get none: bounds leave NaN out, and DuckDB 2.0 and pyarrow 26 then lose such rows, and take
    1.0 for the value of all where it is the only other one.

    Args:
        sink: Takes the bytes, front to back; the caller's to close.
        schema: Of all frames: storable types, without partition columns.
        layout: The order of the rows is the caller's business.
        encodings: Of the leaves.
        nan: The positions of leaves (`leaves.Leaf`) that may hold NaN.
    """

    def __init__(
        self,
        sink: IO[bytes],
        schema: pl.Schema,
        layout: FileLayout,
        encodings: Encodings,
        nan: frozenset[int] = frozenset(),
    ) -> None:
        self._schema = schema
        self._layout = layout
        self._nan = nan
        self._told: dict[tuple[int, int], GroupStatistics] = {}
        self._groups = 0
        found = leaves(schema)
        bounded = _bounded(schema, found, layout, nan)
        self._told_by_hand = [
            leaf for leaf in found if not leaf.repeated and leaf.parquet_path not in bounded
        ]
        self._text = [leaf for leaf in found if _may_be_long(leaf) and leaf.parquet_path in bounded]
        self._writer = pq.ParquetWriter(
            sink,
            arrow_table(schema.to_frame()).schema,
            **ZSTD,
            **encodings.options(),
            write_statistics=sorted(bounded),
            write_page_index=True,
            store_decimal_as_integer=True,
            store_schema=False,
            bloom_filter_options=bloom_filters(schema, layout),
        )

    def write(self, frame: pl.DataFrame) -> None:
        """Adds `frame` as one row group; none where it is empty.

        Raises:
            TableError: A NaN where there was to be none: the bounds would hide it. The file is of no use.
        """
        if frame.is_empty():
            return
        if unforeseen := leaves_with_nan(frame) - self._nan:
            raise TableError(
                "a column holds NaN that was said to hold none",
                got=[leaf.parquet_path for leaf in leaves(frame.schema) if leaf.position in unforeseen],
                next_step="this is a defect of Penstock: please report it",
            )
        self._writer.write_table(arrow_table(frame), row_group_size=frame.height)
        for leaf in (*self._told_by_hand, *_too_long(frame, self._text)):
            self._told[self._groups, leaf.position] = seen(frame, leaf)
        self._groups += 1

    def finish(self) -> str:
        """Ends the file; the JSON text of its statistics, as the Delta log takes them."""
        self._writer.close()
        footer: Any = self._writer.writer.metadata
        return file_statistics(self._schema, footer, told=self._told, named=self._layout.statistics)


def _bounded(schema: pl.Schema, found: list[Leaf], layout: FileLayout, nan: frozenset[int]) -> frozenset[str]:
    """The Parquet paths of leaves with bounds in the footer; a path that two leaves have needs both."""
    named = schema.keys() if layout.statistics is None else columns_of(schema, layout.statistics)
    without = {leaf.parquet_path for leaf in found if leaf.position in nan or leaf.path[0] not in named}
    return frozenset(leaf.parquet_path for leaf in found) - without


def _may_be_long(leaf: Leaf) -> bool:
    return not leaf.repeated and isinstance(leaf.dtype, pl.String | pl.Categorical)


def _too_long(frame: pl.DataFrame, text: list[Leaf]) -> list[Leaf]:
    """The leaves with text that pyarrow makes no bounds of."""
    lengths = [
        leaf.values.cast(pl.String).str.len_bytes().max().alias(str(leaf.position))
        for leaf in text
        if leaf.values is not None
    ]
    longest = frame.select(lengths)
    return [leaf for leaf in text if (longest[str(leaf.position)].item() or 0) > _LONGEST_BOUND]
