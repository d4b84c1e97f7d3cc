"""What the Delta log says about one Parquet file: its rows, the bounds and the null counts of its columns.

Readers skip a file whose bounds exclude what they look for
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics). All of it comes from the
Parquet footer, which the writer has just filled from the data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from storage.layout.bounds import lower_bound, upper_bound

ColumnPath = tuple[str, ...]
_Tree = dict[str, "str | _Tree"]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A column with statistics: its path through the structs, and which of the footer's columns it is."""

    path: ColumnPath
    dtype: pl.DataType
    position: int


def file_statistics(schema: pl.Schema, footer: Any) -> str:
    """The statistics of one file as the JSON text that the Delta log takes.

    Structs nest. Lists and maps have no entry, binary only a null count. A null struct counts as a null
    in each of its fields. Columns of nothing but nulls have no bounds; within structs these are null, because
    delta-rs 1.6.3 `to_pyarrow_dataset` loses the rows of null structs otherwise. Where any other column has
    no bounds, the file has none at all: the same takes a bound that is missing beside others for one that
    excludes everything. So it is for values that `bounds` has no text for, and for files with NaN, which
    `storage.layout.parquet_file` writes without bounds.

    Args:
        schema: The columns of the file, in the order and with the types they were written.
        footer: Its `pyarrow.parquet.FileMetaData`.
    """
    low: _Tree = {}
    high: _Tree = {}
    nulls: _Tree = {}
    unbounded = False
    for leaf in _leaves(schema):
        groups = [footer.row_group(i).column(leaf.position).statistics for i in range(footer.num_row_groups)]
        _put(nulls, leaf.path, str(sum(group.null_count for group in groups)))
        bounded = [group for group in groups if group.num_values > 0]
        if isinstance(leaf.dtype, pl.Binary):
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


def _leaves(schema: Mapping[str, pl.DataType]) -> Iterator[_Leaf]:
    """The leaves outside of lists and maps, in the order of the footer's columns.

    Positions tell columns apart where names cannot: the footer joins a path with dots, which names may hold.
    """
    position = 0
    for path, dtype in _unnested((), schema):
        if not isinstance(dtype, pl.List | pl.Map):
            yield _Leaf(path, dtype, position)
        position += _width(dtype)


def _unnested(above: ColumnPath, fields: Mapping[str, Any]) -> Iterator[tuple[ColumnPath, pl.DataType]]:
    for name, dtype in fields.items():
        if isinstance(dtype, pl.Struct):
            yield from _unnested((*above, name), {field.name: field.dtype for field in dtype.fields})
        else:
            yield (*above, name), dtype


def _width(dtype: Any) -> int:
    """How many of the footer's columns a column takes."""
    if isinstance(dtype, pl.Struct):
        return sum(_width(field.dtype) for field in dtype.fields)
    if isinstance(dtype, pl.List):
        return _width(dtype.inner)
    if isinstance(dtype, pl.Map):
        return _width(dtype.key) + _width(dtype.value)
    return 1


def _put(tree: _Tree, path: Sequence[str], text: str) -> None:
    for name in path[:-1]:
        inner = tree.setdefault(name, {})
        assert isinstance(inner, dict)
        tree = inner
    tree[path[-1]] = text


def _json_object(tree: _Tree) -> str:
    """Text is put together by hand, because `json` would round decimals to floating point."""
    parts = ((name, part if isinstance(part, str) else _json_object(part)) for name, part in tree.items())
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in parts) + "}"
