"""The files of a table as maintenance looks at them, and tables that it must leave alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.errors import TableSchemaError
from storage.layout.partitions import partition_texts
from storage.tables.opened_file import is_outside
from storage.tables.replacing.replacement import ActiveFile
from storage.tables.schema.appendable import check_appendable

FILES_SCHEMA: Final = pl.Schema(
    {
        "path": pl.String(),
        "size": pl.Int64(),
        "rows": pl.Int64(),
        "modified_ms": pl.Int64(),
        "partition": pl.String(),
    }
)
"""One row a file: `path` as the log has it, `size` in bytes as stored, `rows`, null where the log does not
tell, `modified_ms` since 1970-01-01 UTC, `partition`, its values as the text of a JSON object."""


def files_of(table: DeltaTable) -> pl.DataFrame:
    """The files of `table`, in the columns of FILES_SCHEMA; eager, in no order; reads nothing."""
    actions = pl.DataFrame(pa.table(table.get_add_actions()))
    found = actions.select(
        "path",
        pl.col("size_bytes").cast(pl.Int64).alias("size"),
        pl.col("num_records").cast(pl.Int64).alias("rows"),
        _milliseconds(actions["modification_time"]).alias("modified_ms"),
    )
    return found.with_columns(_partitions(actions)).select(FILES_SCHEMA.names())


def read_alike(files: pl.DataFrame) -> pl.DataFrame:
    """Those of `files` whose partition values all readers take for the same; columns as given.

    Other writers store the empty text, which is null by the log, and text in the path that Polars goes by
    (`storage.layout.partitions.storable`). Written again together with null, one would become the other.
    """
    return files.filter(~pl.col("path").str.contains("=/", literal=True))


def active_file(path: str, size: int, partition: str) -> ActiveFile:
    """A row of `files_of`, as a commit takes it out."""
    return ActiveFile(path, size, values_of(partition))


def values_of(partition: str) -> dict[str, str | None]:
    """The values of a partition by the names of the columns, as the log has them."""
    values: dict[str, str | None] = json.loads(partition)  # row objects allowed: one partition
    return values


def check_compactable(table: DeltaTable) -> None:
    """Refuses tables whose rows are not just those of their files, or that ask for more than we do.

    Raises:
        TableSchemaError: Final.
    """
    check_appendable(table, table.metadata().partition_columns)
    hindrances = {
        "deletion vectors": "deletionVectors" in (table.protocol().writer_features or ()),
        "files outside of its folder": any(map(is_outside, _paths(table))),
    }
    found = [name for name, there in hindrances.items() if there]
    if found:
        raise TableSchemaError(
            "the files of the table must not be written again",
            where=table.table_uri,
            got=f"a table with {', '.join(found)}",
            next_step="compact it with the program that made it",
        )


def _paths(table: DeltaTable) -> Iterable[str]:
    return files_of(table)["path"]


def _partitions(actions: pl.DataFrame) -> pl.Expr:
    if "partition" not in actions.columns:
        return pl.lit("{}").alias("partition")
    texts = partition_texts(actions["partition"].struct.unnest())
    return pl.lit(texts.select(pl.struct(pl.all()).struct.json_encode()).to_series()).alias("partition")


def _milliseconds(times: pl.Series) -> pl.Series:
    return times.dt.epoch("ms") if times.dtype.is_temporal() else times.cast(pl.Int64)
