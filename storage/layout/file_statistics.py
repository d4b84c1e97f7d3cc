"""What the Delta log says about one Parquet file: its rows, the bounds and the null counts of its columns.

Readers skip a file whose bounds exclude what they look for
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics). It comes from the
Parquet footer, which the writer has just filled from the data, or from the data where the footer has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import polars as pl

from storage.layout.bounds import json_text, lower_bound, upper_bound
from storage.layout.file_layout import columns_of
from storage.layout.group_statistics import GroupStatistics
from storage.layout.leaves import leaves

_Tree = dict[str, "str | _Tree"]


def file_statistics(
    schema: pl.Schema,
    footer: Any,
    *,
    told: Mapping[tuple[int, int], GroupStatistics] = MappingProxyType({}),
    named: Sequence[str] | None = None,
) -> str:
    """The statistics of one file as the JSON text that the Delta log takes.

    Structs nest. Lists and maps have no entry, binary only a null count. A null struct counts as a null
    in each of its fields. Columns of nothing but nulls have no bounds; within structs these are null, because
    delta-rs 1.6.3 `to_pyarrow_dataset` loses the rows of null structs otherwise. Where any other column that
    is to have bounds has none, the file has none at all: the same takes a bound that is missing beside others
    for one that excludes everything, unless the table says that it goes without
    (`storage.tables.schema.statistics_columns`). So it is for values that `bounds` has no text for, and for
    columns with NaN.

    Args:
        schema: The columns of the file, in the order and with the types they were written.
        footer: Its `pyarrow.parquet.FileMetaData`.
        told: By row group and leaf, what to go by in place of the footer.
        named: What is to have bounds (`FileLayout.statistics`); None for all.
    """
    low: _Tree = {}
    high: _Tree = {}
    nulls: _Tree = {}
    unbounded = False
    meant = schema.keys() if named is None else columns_of(schema, named)
    for leaf in leaves(schema):
        if leaf.repeated:
            continue
        groups = [
            told.get((i, leaf.position)) or footer.row_group(i).column(leaf.position).statistics
            for i in range(footer.num_row_groups)
        ]
        _put(nulls, leaf.path, str(sum(group.null_count for group in groups)))
        bounded = [group for group in groups if group.num_values > 0]
        if isinstance(leaf.dtype, pl.Binary) or leaf.path[0] not in meant:
            continue
        if not bounded:
            if len(leaf.path) > 1:
                _put(low, leaf.path, "null")
                _put(high, leaf.path, "null")
            continue
        bounds = _bounds(leaf.dtype, bounded)
        if bounds is None:
            unbounded = True
        else:
            _put(low, leaf.path, bounds[0])
            _put(high, leaf.path, bounds[1])
    limits = {} if unbounded else {"minValues": low, "maxValues": high}
    return _json_object({"numRecords": str(footer.num_rows), **limits, "nullCount": nulls})


def _bounds(dtype: pl.DataType, groups: Sequence[Any]) -> tuple[str, str] | None:
    """Both bounds of a column, or None where one of them cannot be told."""
    if not all(group.has_min_max for group in groups):
        return None
    low = lower_bound(dtype, [group.min_raw for group in groups])
    high = upper_bound(dtype, [group.max_raw for group in groups])
    return None if low is None or high is None else (low, high)


def _put(tree: _Tree, path: Sequence[str], text: str) -> None:
    for name in path[:-1]:
        inner = tree.setdefault(name, {})
        assert isinstance(inner, dict)
        tree = inner
    tree[path[-1]] = text


def _json_object(tree: _Tree) -> str:
    """Text is put together by hand, because `json` would round decimals to floating point."""
    parts = ((name, part if isinstance(part, str) else _json_object(part)) for name, part in tree.items())
    return "{" + ",".join(f"{json_text(name)}:{text}" for name, text in parts) + "}"
