"""Types of Arrow as those of a contract."""

from __future__ import annotations

from functools import reduce
from typing import Final

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
from config.time_zones import is_zone
from transforms.decode.typed.plain import JSON, UUID, is_bytes, is_extension, is_text
from transforms.inference.numbers import MOST_DIGITS

_DIGITS_OF_BITS: Final = {8: 3, 16: 5, 32: 10, 64: 20}
_EXACT_IN_DOUBLES: Final = 32  # bits of integers


def leaf_type(kind: pa.DataType) -> ColumnType | None:
    """The type that takes values of `kind`, which has no parts: Json at worst; None for Arrow's null."""
    types = pa.types
    if types.is_null(kind):
        return None
    if is_extension(kind, UUID):
        return String()
    if isinstance(kind, pa.BaseExtensionType):
        return Json() if is_extension(kind, JSON) else leaf_type(kind.storage_type)
    if types.is_dictionary(kind):
        return Dictionary() if is_text(kind.value_type) else leaf_type(kind.value_type)
    if types.is_run_end_encoded(kind):
        return leaf_type(kind.value_type)
    if types.is_timestamp(kind):
        return Timestamp("us", kind.tz and (kind.tz if is_zone(kind.tz) else "UTC"))
    if is_text(kind):
        return String()
    return Binary() if is_bytes(kind) else _number_or_time(kind)


def wider_type(first: ColumnType, second: ColumnType) -> ColumnType:
    """The narrowest type that takes all values of both; Json where only that does."""
    if first == second:
        return first
    match first, second:
        case (Integer(), Integer()):
            return _wider_integer(first, second)
        case (Float(), Float()):
            return Float(64)
        case (Integer(bits), Float()) | (Float(), Integer(bits)) if bits <= _EXACT_IN_DOUBLES:
            return Float(64)
        case (Decimal() | Integer(), Decimal() | Integer()):
            return _wider_decimal(_as_decimal(first), _as_decimal(second))
        case (String() | Dictionary(), String() | Dictionary()):
            return String()
        case (Timestamp(_, str()), Timestamp(_, str())):
            return Timestamp("us", "UTC")
        case (Date(), Timestamp(_, None)) | (Timestamp(_, None), Date()):
            return Timestamp("us", None)
        case _:
            return Json()


def widest_type(kinds: list[pa.DataType]) -> ColumnType | None:
    """The narrowest type that takes the values of all of these; None where all are Arrow's null."""
    leaves = [leaf for kind in kinds if (leaf := leaf_type(kind)) is not None]
    return reduce(wider_type, leaves) if leaves else None


def _number_or_time(kind: pa.DataType) -> ColumnType:
    types = pa.types
    if types.is_boolean(kind):
        return Boolean()
    if types.is_integer(kind):
        return Integer(kind.bit_width, signed=types.is_signed_integer(kind))
    if types.is_floating(kind):
        return Float(max(kind.bit_width, 32))
    if types.is_decimal(kind) and kind.precision <= MOST_DIGITS and 0 <= kind.scale <= kind.precision:
        return Decimal(kind.precision, kind.scale)
    if types.is_date(kind):
        return Date()
    return Time() if types.is_time(kind) else Json()


def _wider_integer(first: Integer, second: Integer) -> ColumnType:
    if first.signed == second.signed:
        return Integer(max(first.bits, second.bits), signed=first.signed)
    signed, unsigned = (first, second) if first.signed else (second, first)
    bits = max(signed.bits, 2 * unsigned.bits)
    return Integer(bits) if bits <= 64 else Decimal(_DIGITS_OF_BITS[64], 0)


def _as_decimal(kind: Decimal | Integer) -> Decimal:
    return kind if isinstance(kind, Decimal) else Decimal(_DIGITS_OF_BITS[kind.bits], 0)


def _wider_decimal(first: Decimal, second: Decimal) -> ColumnType:
    scale = max(first.scale, second.scale)
    precision = max(first.precision - first.scale, second.precision - second.scale) + scale
    return Decimal(precision, scale) if precision <= MOST_DIGITS else Json()
