"""What the log may tell of a file that comes back into a table which has changed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterable

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.layout.leaves import Leaf, leaves
from storage.tables.schema.statistics_columns import promised, tells_of


def promised_leaves(table: DeltaTable) -> list[Leaf]:
    """The leaves that readers of `table` believe every file to tell of."""
    schema = pl.DataFrame(pa.schema(table.schema().to_arrow()).empty_table()).schema
    names, partitions = promised(table), table.metadata().partition_columns
    wanted = [name for name in (schema if names is None else names) if name not in partitions]
    return [leaf for leaf in leaves(schema) if leaf.path[0] in wanted and not leaf.repeated]


def returned_statistics(stats: str, wanted: Iterable[Leaf]) -> str:
    """`stats` as they were, where they tell of all leaves; else the number of rows alone.

    Readers lose rows of a file that lacks a bound beside others (`storage.tables.schema.statistics_columns`);
    of what tells nothing they read everything.
    """
    told = json.loads(stats)  # row objects allowed: the statistics of one file
    if all(tells_of(told, leaf) for leaf in wanted):
        return stats
    return json.dumps({"numRecords": told.get("numRecords")})
