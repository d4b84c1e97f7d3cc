"""The columns, partitions and properties of a table whose files are all replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, PostCommitHookProperties, TableFeatures

from storage.layout.data_file import DataFile
from storage.tables.replacing.actions import Shape
from storage.tables.schema.evolution import marked_schema
from storage.tables.schema.statistics_columns import STATISTICS_COLUMNS, statistics_columns, unbounded_in
from storage.upstream import translated

_NTZ = "timestampNtz"
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


def stored_schema(schema: pl.Schema) -> pl.Schema:
    """The columns of rows as a table stores them."""
    return pl.DataFrame(pa.schema(marked_schema(schema).to_arrow()).empty_table()).schema


def shape_of(
    table: DeltaTable,
    schema: pl.Schema,
    partition_by: Sequence[str],
    marks: Mapping[str, str],
    files: Sequence[DataFile],
) -> Shape | None:
    """What `table` must become for rows of `schema`; None where it has their columns and partitions already.

    Args:
        marks: As of `evolution.marked_schema`.
        files: All that the table is going to hold.
    """
    ours = marked_schema(schema, marks).to_json()
    metadata = table.metadata()
    same = _types(ours) == _types(table.schema().to_json())
    if same and metadata.partition_columns == list(partition_by):
        return None
    configuration = {key: text for key, text in metadata.configuration.items() if key != STATISTICS_COLUMNS}
    # A column that the first files have not, because it came with later ones, has no bounds there either.
    unbounded = unbounded_in(schema, files) | _missing(schema, partition_by, files)
    if unbounded:
        bounded = [name for name in schema if name not in unbounded and name not in partition_by]
        configuration[STATISTICS_COLUMNS] = statistics_columns(bounded)
    return Shape(
        ours,
        tuple(partition_by),
        configuration,
        str(metadata.id),
        metadata.name,
        metadata.description,
        metadata.created_time,
    )


def with_features(table: DeltaTable, shape: Shape) -> None:
    """Makes sure that the protocol of `table` allows the types of `shape`; a commit of its own, if any.

    `table` is changed in place. Safe to repeat.

    Raises:
        StorageError: The table cannot be changed.
    """
    if "timestamp_ntz" not in shape.schema or _NTZ in (table.protocol().writer_features or ()):
        return
    with translated("allow times without a zone in the table", table.table_uri):
        table.alter.add_feature(
            TableFeatures.TimestampWithoutTimezone,
            allow_protocol_versions_increase=True,
            post_commithook_properties=_HOOKS,
        )
        table.update_incremental()


def _types(schema: str) -> dict[str, Any]:
    return {one["name"]: one["type"] for one in json.loads(schema)["fields"]}  # row objects allowed: columns


def _missing(schema: pl.Schema, partition_by: Sequence[str], files: Sequence[DataFile]) -> frozenset[str]:
    """The columns that some file has not, by its statistics."""
    # row objects allowed: the statistics of a file
    told = [set(json.loads(file.stats).get("nullCount", {})) for file in files]
    anywhere = set[str]().union(*told)
    return frozenset(
        name for one in told for name in anywhere - one if name not in partition_by and name in schema
    )
