"""The columns whose statistics readers may go by: those that the log tells of for every file of a table.

delta-rs 1.6.3 takes bounds that a file lacks for bounds that exclude everything: `to_pyarrow_dataset` loses
the nulls of a column that is younger than the file. Columns that are not named here it does not look at.
https://docs.delta.io/latest/optimizations-oss.html#data-skipping
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import polars as pl
from deltalake import DeltaTable

from storage.layout.data_file import DataFile
from storage.layout.leaves import Leaf, leaves

STATISTICS_COLUMNS: Final = "delta.dataSkippingStatsColumns"
"""The property of a table that names them, by comma; all columns where there is none."""

_ENTRY: Final = re.compile(r"(?:`(?:[^`]|``)*`|[^,`])+")
_FIRST_PART: Final = re.compile(r"`((?:[^`]|``)*)`|([^.]+)")


def fewer_statistics(
    table: DeltaTable, rows: Collection[str], *, grows: bool, unbounded: Collection[str] = ()
) -> str | None:
    """What the property must become before rows are added to `table`; None where it can stay as it is.

    Args:
        rows: The names of their columns.
        grows: Whether the table gets columns that its files have not.
        unbounded: The columns that their files tell no bounds of (`unbounded_in`).
    """
    configured = table.metadata().configuration.get(STATISTICS_COLUMNS)
    entries = _all_of(table) if configured is None else [one.strip() for one in _ENTRY.findall(configured)]
    kept = [one for one in entries if _column(one) in rows and _column(one) not in unbounded]
    new = grows and configured is None and table.get_add_actions().num_rows > 0
    return ",".join(kept) if new or kept != entries else None


def unbounded_in(schema: pl.Schema, files: Iterable[DataFile]) -> frozenset[str]:
    """The columns that some of `files` tell no bounds of, where they tell those of others.

    Args:
        schema: Of their rows, partition columns included.
        files: As written with `FileLayout.statistics`.
    """
    comparable = {
        leaf.path[0] for leaf in leaves(schema) if not leaf.repeated and not isinstance(leaf.dtype, pl.Binary)
    }
    return frozenset(name for file in files for name in _without_bounds(file, comparable))


def promised(table: DeltaTable) -> tuple[str, ...] | None:
    """The columns that readers of `table` take to have bounds in all of its files; None for all of them."""
    configured = table.metadata().configuration.get(STATISTICS_COLUMNS)
    if configured is None:
        return None
    return tuple(dict.fromkeys(_column(one.strip()) for one in _ENTRY.findall(configured)))


def statistics_columns(names: Iterable[str]) -> str:
    """The property that names these columns."""
    return ",".join("`" + name.replace("`", "``") + "`" for name in names)


def tells_of(stats: Mapping[str, Any], leaf: Leaf) -> bool:
    """Whether readers may go by what the statistics of a file tell of `leaf`, or do not tell of any leaf."""
    nulls, bounds = _at(stats.get("nullCount"), leaf.path), stats.get("minValues")
    if not isinstance(nulls, int):
        return False
    all_null = nulls == stats.get("numRecords")
    return not bounds or all_null or isinstance(leaf.dtype, pl.Binary) or _at(bounds, leaf.path) is not None


def _at(tree: Any, path: Iterable[str]) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _without_bounds(file: DataFile, comparable: Collection[str]) -> list[str]:
    """None where there are bounds of nothing, or of all columns but those of nulls alone."""
    stats = json.loads(file.stats)  # row objects allowed: the statistics of a file
    low, nulls = stats.get("minValues"), stats["nullCount"]
    without = [name for name in comparable if name in nulls and name not in (low or nulls)]
    return without if any(nulls[name] != stats["numRecords"] for name in without) else []


def _all_of(table: DeltaTable) -> list[str]:
    partitions = table.metadata().partition_columns
    names = (field.name for field in table.schema().fields if field.name not in partitions)
    return [statistics_columns([name]) for name in names]


def _column(entry: str) -> str:
    """The column that an entry is, or has a field of."""
    match = _FIRST_PART.match(entry)
    quoted, plain = match.groups() if match else (None, entry)
    return plain if quoted is None else quoted.replace("``", "`")
