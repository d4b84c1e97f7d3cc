"""Whether files that Penstock wrote may be added to a Delta table as it is now.

delta-rs checks neither schema nor partitioning when it is given finished files, and a wrong file makes a
table unreadable for ever, so all of it is checked before the commit: columns in `evolution`, the rest here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from deltalake import DeltaTable

from storage.errors import TableSchemaError
from storage.layout.data_file import DataFile

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


def check_appendable(table: DeltaTable, partition_by: Sequence[str]) -> None:
    """Refuses files that do not belong into `table`, whatever their columns; those are for `evolution_of`.

    Raises:
        TableSchemaError: Final. Another partitioning, or demands that Penstock cannot meet.
    """
    _check_partitioning(table, partition_by)
    _check_rules(table)


def nulls_in(table: DeltaTable, files: Sequence[DataFile]) -> list[str]:
    """The columns that `table` says are never null, and that hold nulls in `files`, or may hold some."""
    never_null = [field.name for field in table.schema().fields if not field.nullable]
    return [name for name in never_null if any(_nulls(name, file) for file in files)]


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


def _nulls(column: str, file: DataFile) -> int:
    """Null count of a plain column; of a nested one the number of rows, as nothing is known."""
    if column in file.partition_values:
        return file.rows if file.partition_values[column] is None else 0
    # row objects allowed: the statistics of one file
    count = json.loads(file.stats).get("nullCount", {}).get(column)
    return count if isinstance(count, int) else file.rows
