"""Lets readers skip files by a column again, once all files tell of it.

A table that gets a column names the others as those that readers may skip files by (`statistics_columns`).
When the files from before are written again, by compaction or by batches that replace them, nothing hinders
any more that the column is named too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties
from deltalake.exceptions import CommitFailedError

from storage.filesystem import delta_storage_options
from storage.layout.leaves import Leaf, leaves
from storage.maintenance.checkpoints import read_log
from storage.maintenance.files import files_of
from storage.tables.log.ordered_map import ordered_map
from storage.tables.replacing.replacement import read_actions
from storage.tables.schema.evolution import EVOLUTION_KEY
from storage.tables.schema.statistics_columns import (
    STATISTICS_COLUMNS,
    promised,
    statistics_columns,
    tells_of,
)
from storage.upstream import translated

_OURS: Final = ("delta.dataSkippingNumIndexedCols", "-1")
"""What tables have that Penstock created: in others somebody may have named the columns with intent."""
_HOOKS: Final = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


def lift_statistics(uri: str, table: DeltaTable) -> list[str]:
    """Names the columns that all files of `table` tell of by now; those that are new among them, or none.

    One commit, at the next version or not at all: a file that somebody adds meanwhile may not tell of them.
    Reads the newest checkpoint and the commits after it, where some column is not named; else nothing.

    Raises:
        StorageError: The log cannot be read, or the commit failed.
    """
    properties = table.metadata().configuration
    named = promised(table)
    if named is None or properties.get(_OURS[0]) != _OURS[1]:
        return []
    schema = pl.DataFrame(pa.schema(table.schema().to_arrow()).empty_table()).schema
    partitions = table.metadata().partition_columns
    missing = [name for name in schema if name not in named and name not in partitions]
    lifted = _told_by_all(uri, table, schema, missing) if missing else []
    if not lifted:
        return []
    value = ",".join([properties[STATISTICS_COLUMNS], statistics_columns(lifted)]).strip(",")
    told = CommitProperties(max_commit_retries=0, custom_metadata={EVOLUTION_KEY: {"statistics": value}})
    with translated("name the columns that readers may skip files by", uri):
        try:
            table.alter.set_table_properties(
                {STATISTICS_COLUMNS: value}, commit_properties=told, post_commithook_properties=_HOOKS
            )
        except CommitFailedError:  # somebody was faster; the next maintenance looks again
            return []
    return lifted


def _told_by_all(uri: str, table: DeltaTable, schema: pl.Schema, names: Iterable[str]) -> list[str]:
    found = [name for name in names if _leaves_of(schema, name)]
    for text in _statistics(uri, table):
        stats = json.loads(text or "{}")  # row objects allowed: the statistics of one file
        found = [name for name in found if all(tells_of(stats, leaf) for leaf in _leaves_of(schema, name))]
        if not found:
            return []
    return found


def _leaves_of(schema: pl.Schema, name: str) -> list[Leaf]:
    """Those that statistics tell of: none of a list or a map."""
    return [leaf for leaf in leaves(schema) if leaf.path[0] == name and not leaf.repeated]


def _statistics(uri: str, table: DeltaTable) -> Iterator[str | None]:
    """The statistics of each file, as text; delta-rs itself gives those of the named columns only."""
    waiting = set(files_of(table)["path"])
    log = read_log(uri, table)
    last = max(log.checkpoints["version"], default=-1)
    for actions in ordered_map(lambda version: read_actions(uri, version), range(log.version, last, -1)):
        for add in (action["add"] for action in actions if "add" in action):
            if add["path"] in waiting:
                waiting.remove(add["path"])
                yield add.get("stats")
    if waiting:
        yield from _in_checkpoint(uri, last, waiting)


def _in_checkpoint(uri: str, version: int, paths: set[str]) -> Iterator[str | None]:
    path = f"{uri.rstrip('/')}/_delta_log/{version:020}.checkpoint.parquet"
    with translated("read a checkpoint", path):
        adds = pl.scan_parquet(path, storage_options=delta_storage_options(uri) or None, glob=False)
        add = pl.col("add").struct
        rows = adds.select(path=add.field("path"), stats=add.field("stats")).collect()
    found = rows.filter(pl.col("path").is_in(list(paths))).unique("path")
    yield from found["stats"]
    yield from [None] * (len(paths) - found.height)
