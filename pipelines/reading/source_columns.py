"""The columns of a source table as a contract names them, in the very types of the table."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from config.column_types import Column, ColumnType, Json, List, Struct
from pipelines.evolution import as_contract
from transforms.inference.arrow_types import leaf_type


def contract_columns(table: Any) -> dict[str, Column | None]:
    """For each column of `table`, by name, what a contract calls it; None where it has no word for its type.

    All may be null, whatever the table says: what it says is not held against what it holds.
    """
    marked = {one.name: one for one in as_contract(table)}
    return {
        field.name: marked.get(field.name) or _column(field.name, field.type)
        for field in pa.schema(table.schema().to_arrow())
    }


def _column(name: str, kind: Any) -> Column | None:
    found = _type(kind)
    return None if found is None else Column(name, found)


def _type(kind: Any) -> ColumnType | None:
    if pa.types.is_struct(kind):
        fields = [_column(field.name, field.type) for field in kind]
        return None if None in fields or not fields else Struct(tuple(filter(None, fields)))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        element = _column("", kind.value_type)
        return None if element is None else List(element)
    if pa.types.is_nested(kind):
        return None
    found = leaf_type(kind)
    return None if isinstance(found, Json) else found
