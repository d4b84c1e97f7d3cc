"""Frames as Arrow tables that the Parquet writer takes."""

from __future__ import annotations

import polars as pl
import pyarrow as pa


def arrow_table(frame: pl.DataFrame) -> pa.Table:
    """The same rows; text is copied, because pyarrow 26 does not write views of it.

    By the C stream: `to_arrow` waits for Polars' threads, which are busy with the file before.
    """
    table = pa.RecordBatchReader.from_stream(frame).read_all()
    return table.cast(pa.schema([pa.field(field.name, _writable(field.type)) for field in table.schema]))


def _writable(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _writable(field.type)) for field in kind])
    if pa.types.is_large_list(kind):
        return pa.large_list(_writable(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_writable(kind.key_type), _writable(kind.item_type))
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _writable(kind.value_type))
    return kind
