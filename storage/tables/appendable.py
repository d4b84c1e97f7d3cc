"""Whether files that Penstock wrote may be added to a Delta table as it is now.

delta-rs checks neither schema nor partitioning when it is given finished files, and a wrong file makes a
table unreadable for ever, so all of it is checked here, before the commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import polars as pl
from deltalake import DeltaTable
from deltalake import Field as DeltaField

from storage.errors import TableSchemaError
from storage.layout.data_file import DataFile
from storage.layout.table_schema import delta_schema
from storage.tables.columns import delta_type

_UNSTORED = "not in the table"
_HARMLESS_FEATURES = {
    "appendOnly",
    "changeDataFeed",  # readers derive the changes of an append from the added files
    "checkConstraints",  # the four that follow are harmless while unused, which is checked below
    "columnMapping",
    "generatedColumns",
    "identityColumns",
    "invariants",
    "deletionVectors",
    "timestampNtz",
    "v2Checkpoint",
    "vacuumProtocolCheck",
}
_FIELD_RULES = ("delta.generationExpression", "delta.identity.start", "delta.invariants")


def check_appendable(
    table: DeltaTable, schema: pl.Schema, partition_by: Sequence[str], files: Sequence[DataFile]
) -> None:
    """Refuses files that do not belong into `table`.

    Args:
        schema: All columns that the files stand for, partition columns included; the order is free
            at the top, since readers find columns by name.
        files: Needed to prove that columns which the table calls not nullable hold no null.

    Raises:
        TableSchemaError: Final. Names the first columns that differ, the table's types and ours.
    """
    _check_columns(table, schema)
    _check_partitioning(table, partition_by)
    _check_rules(table)
    _check_not_null(table, files)


def _check_columns(table: DeltaTable, schema: pl.Schema) -> None:
    theirs, ours = _column_types(table.schema().fields), _column_types(delta_schema(schema).fields)
    differing = [name for name in theirs | ours if theirs.get(name) != ours.get(name)]
    if differing:
        raise TableSchemaError(
            "the columns to write differ from the table's",
            where=f"{table.table_uri}, column {', '.join(map(repr, differing[:5]))}",
            got={name: ours.get(name, "no such column") for name in differing[:5]},
            expected={name: theirs.get(name, _UNSTORED) for name in differing[:5]},
            next_step="change contract or transforms to give the table's columns, or write to a new table: "
            "the schema of a table cannot be changed yet",
        )


def _check_partitioning(table: DeltaTable, partition_by: Sequence[str]) -> None:
    theirs = table.metadata().partition_columns
    if list(partition_by) != theirs:
        raise TableSchemaError(
            "the table is partitioned by other columns",
            where=f"table.partition_by, for {table.table_uri}",
            got=list(partition_by),
            expected=theirs,
            next_step="set table.partition_by to the table's, or write to a new table",
        )


def _check_rules(table: DeltaTable) -> None:
    """What a table made elsewhere may demand of each row or file, and Penstock does not do."""
    metadata, protocol = table.metadata(), table.protocol()
    demands = set(protocol.writer_features or ()) - _HARMLESS_FEATURES
    demands |= {key for key in metadata.configuration if key.startswith("delta.constraints.")}
    if metadata.configuration.get("delta.columnMapping.mode", "none") != "none":
        demands.add("delta.columnMapping.mode")
    for field in table.schema().fields:
        demands |= {f"{rule} of {field.name}" for rule in _FIELD_RULES if rule in (field.metadata or {})}
    if demands:
        raise TableSchemaError(
            "the table asks its writers for something that Penstock cannot do",
            where=table.table_uri,
            got=sorted(demands),
            next_step="remove these from the table, or write to a new table",
        )


def _check_not_null(table: DeltaTable, files: Sequence[DataFile]) -> None:
    for field in table.schema().fields:
        if field.nullable:
            continue
        nulls = sum(_nulls(field.name, file) for file in files)
        if nulls:
            raise TableSchemaError(
                "a column that is never null in the table holds nulls, or may hold some",
                where=f"{table.table_uri}, column {field.name!r}",
                got=f"{nulls} nulls",
                next_step="mark the column as required in the contract, or allow null in the table",
            )


def _nulls(column: str, file: DataFile) -> int:
    """Null count of a plain column; of a nested one the number of rows, as nothing is known."""
    if column in file.partition_values:
        return file.rows if file.partition_values[column] is None else 0
    # row objects allowed: the statistics of one file
    count = json.loads(file.stats).get("nullCount", {}).get(column)
    return count if isinstance(count, int) else file.rows


def _column_types(fields: Iterable[DeltaField]) -> dict[str, str]:
    """Types without nullability and metadata, which do not matter to what a file holds."""
    return {field.name: delta_type(field) for field in fields}
