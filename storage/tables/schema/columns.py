"""The columns of a Delta table, in the words of Delta, for people and for comparisons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from deltalake import DeltaTable
from deltalake import Field as DeltaField

from storage.layout.table_schema import delta_schema


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A top-level column.

    Attributes:
        type: As `delta_type` words it.
        nullable: Whether the table allows null in it.
        partition: Whether the table is partitioned by it.
    """

    name: str
    type: str
    nullable: bool
    partition: bool


def columns_of(table: DeltaTable) -> tuple[TableColumn, ...]:
    """The columns of a table that exists, in its order."""
    return _columns(table.schema().fields, table.metadata().partition_columns)


def columns_for(schema: pl.Schema, partition_by: Sequence[str]) -> tuple[TableColumn, ...]:
    """The columns of the table that rows of `schema` would make.

    Raises:
        TableSchemaError: A column has a type that no table can hold.
    """
    return _columns(delta_schema(schema).fields, partition_by)


def delta_type(field: DeltaField) -> str:
    """The type of a column in one line, such as `{id: long, tags: [string]}`; says nothing of null."""
    return type_words(json.loads(field.type.to_json()))  # row objects allowed: one type a column


def type_words(dtype: Any) -> str:
    """The same, of a type as the JSON of a schema has it."""
    if isinstance(dtype, str):
        return dtype
    if dtype["type"] == "struct":
        return "{" + ", ".join(f"{one['name']}: {type_words(one['type'])}" for one in dtype["fields"]) + "}"
    if dtype["type"] == "array":
        return f"[{type_words(dtype['elementType'])}]"
    return f"map[{type_words(dtype['keyType'])}, {type_words(dtype['valueType'])}]"


def _columns(fields: Sequence[DeltaField], partition_by: Sequence[str]) -> tuple[TableColumn, ...]:
    return tuple(
        TableColumn(field.name, delta_type(field), field.nullable, field.name in partition_by)
        for field in fields
    )
