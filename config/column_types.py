"""The column types of a contract.

A type says what a column holds once a record has been accepted; how a literal of some format
becomes such a value is told in `transforms/contract`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TimeUnit = Literal["s", "ms", "us"]


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number of `bits` bits (8, 16, 32 or 64), two's complement where `signed`."""

    bits: int
    signed: bool = True


@dataclass(frozen=True, slots=True)
class Float:
    """An IEEE 754 number of `bits` bits (32 or 64)."""

    bits: int


@dataclass(frozen=True, slots=True)
class Decimal:
    """An exact number with at most `precision` (1 to 38) digits, `scale` of them after the point."""

    precision: int
    scale: int


@dataclass(frozen=True, slots=True)
class String:
    """Unicode text."""


@dataclass(frozen=True, slots=True)
class Json:
    """Any JSON value, kept as the text it came as."""


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar day."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A point in time counted in `unit` since 1970-01-01, or a wall-clock reading where `zone` is None."""

    unit: TimeUnit
    zone: str | None


@dataclass(frozen=True, slots=True)
class Struct:
    """Named values side by side, in order."""

    fields: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class List:
    """Values of one type, in order; the column `element` has no name."""

    element: Column


ColumnType = Boolean | Integer | Float | Decimal | String | Json | Date | Timestamp | Struct | List


@dataclass(frozen=True, slots=True)
class Column:
    """A name and a type; a `required` column is never null."""

    name: str
    type: ColumnType
    required: bool = False
