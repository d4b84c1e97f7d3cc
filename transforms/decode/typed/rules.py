"""The rule of each column type for Arrow arrays."""

from __future__ import annotations

import pyarrow as pa

from config.column_types import (
    Binary,
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Dictionary,
    Float,
    Integer,
    Json,
    String,
    Time,
    Timestamp,
)
from transforms.decode.arrow import arrow_type
from transforms.decode.typed.documents import documents
from transforms.decode.typed.fitted import Fitted, mismatched
from transforms.decode.typed.numbers import decimals, floats, integers
from transforms.decode.typed.plain import plain
from transforms.decode.typed.texts import binaries, dictionaries, strings
from transforms.decode.typed.times import dates, times, timestamps


def fitted(kind: ColumnType, array: pa.Array, max_nesting: int) -> Fitted:
    """The values of a leaf as those of its type; whatever storing would change is refused."""
    bare = plain(array)
    if pa.types.is_null(bare.type):
        return Fitted(pa.nulls(len(array), arrow_type(kind)))
    match kind:
        case Json():
            return documents(kind, array, max_nesting)
        case String():
            return strings(kind, array)
        case Dictionary():
            return dictionaries(kind, array)
        case Binary():
            return binaries(kind, bare)
        case _:
            return _numbers_and_times(kind, bare)


def _numbers_and_times(kind: ColumnType, array: pa.Array) -> Fitted:
    match kind:
        case Boolean():
            return Fitted(array) if pa.types.is_boolean(array.type) else mismatched(kind, array)
        case Integer():
            return integers(kind, array)
        case Float():
            return floats(kind, array)
        case Decimal():
            return decimals(kind, array)
        case Date():
            return dates(kind, array)
        case Time():
            return times(kind, array)
        case Timestamp():
            return timestamps(kind, array)
        case _:
            raise TypeError(f"{kind} is not a leaf")
