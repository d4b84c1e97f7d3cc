"""A sample of rescued values into columns that take them: plain types, and `json` for all the rest.

A table keeps such a column for ever, and nobody has looked at it before: so it is only what is plain to see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from config.column_types import (
    Boolean,
    Column,
    ColumnType,
    Date,
    Dictionary,
    Float,
    Integer,
    Json,
    String,
    Time,
    Timestamp,
)
from transforms.inference.arrow_types import leaf_type
from transforms.inference.infer import choose_columns
from transforms.inference.json_text import parse_object
from transforms.inference.observed import Observed
from transforms.inference.type_choice import TypeChoice


def infer_new_columns(
    records: Iterable[bytes], arrow_types: Mapping[str, Iterable[Any]] | None = None
) -> tuple[Column, ...]:
    """A column for each field of `records` (one JSON object each) that has values and a name for a column.

    None of them is required. A field that is always null has no column: nothing tells its type yet.

    Args:
        arrow_types: Of fields that typed files have, which JSON does not tell: bytes are text there.
    """
    whole, unreadable = Observed(), 0
    for record in records:
        if (value := parse_object(record)) is None:
            unreadable += 1
        else:
            whole.see(value)
    found = choose_columns(whole, TypeChoice(), unreadable).columns
    plain = [Column(one.name, _plain(one.type)) for one in found if whole.fields[one.name].kinds]
    typed = arrow_types or {}
    return tuple(
        one if _takes(one.type, typed.get(one.name, ())) else Column(one.name, Json()) for one in plain
    )


def _takes(kind: ColumnType, arrow_types: Iterable[Any]) -> bool:
    """Whether a column of this plain type takes typed values too."""
    return all(_takes_leaf(kind, leaf_type(one)) for one in arrow_types)


def _takes_leaf(kind: ColumnType, leaf: ColumnType | None) -> bool:
    match kind, leaf:
        case (Json(), _) | (_, None) | (Boolean(), Boolean()) | (Integer(), Integer()):
            return True
        case (Float(), Float() | Integer()) | (Date(), Date()) | (Timestamp(), Timestamp(_, str())):
            return True
        case String() | Date() | Timestamp(), String() | Dictionary():
            return True
        case _:
            return False


def _plain(kind: ColumnType) -> ColumnType:
    match kind:
        case Boolean() | Integer(64, True) | Float() | String() | Date() | Timestamp("us", "UTC", None):
            return kind
        case Timestamp(_, _, epoch) if epoch:  # its name alone says that it is no plain number
            return Integer(64)
        case Timestamp() | Time() | Dictionary():
            return String()
        case _:
            return Json()
