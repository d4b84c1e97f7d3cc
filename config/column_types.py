"""The column types of a contract.

A type says what a column holds once a record has been accepted; how a literal of some format
becomes such a value is told in `transforms/decode`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TimeUnit = Literal["s", "ms", "us"]
EpochUnit = Literal["s", "ms", "us", "ns"]


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
class Dictionary:
    """Unicode text of few distinct values, each of which is kept once."""


@dataclass(frozen=True, slots=True)
class Binary:
    """Any bytes."""


@dataclass(frozen=True, slots=True)
class Json:
    """Any JSON value, kept as the text it came as."""


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar day."""


@dataclass(frozen=True, slots=True)
class Time:
    """A time of the day, to the microsecond, on no day and in no zone."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A point in time counted in `unit` since 1970-01-01, or a wall-clock reading where `zone` is None.

    epoch: the unit of plain numbers, which count since 1970-01-01T00:00:00Z; None where numbers do not fit.
    assume_zone: where the clock hung that text without an offset was read from; None where it does not fit.
    Both need a `zone`, and neither changes what is stored.
    """

    unit: TimeUnit
    zone: str | None
    epoch: EpochUnit | None = None
    assume_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Struct:
    """Named values side by side, in order."""

    fields: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class List:
    """Values of one type, in order; the column `element` has no name."""

    element: Column


ColumnType = (
    Boolean
    | Integer
    | Float
    | Decimal
    | String
    | Dictionary
    | Binary
    | Json
    | Date
    | Time
    | Timestamp
    | Struct
    | List
)


@dataclass(frozen=True, slots=True)
class Column:
    """A name and a type; a `required` column is never null."""

    name: str
    type: ColumnType
    required: bool = False
