"""A condition as statistics can judge it: a tree of what is understood, and `Unknown` for the rest.

Constants and operands stay Polars expressions, so that a bound is compared as a value of the column would be.
"""

from __future__ import annotations

import io
import typing
from dataclasses import dataclass

import polars as pl

Path = tuple[str, ...]
"""A column, or a field inside of structs."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A leaf of the table, or what a function that keeps the order makes of it.

    Attributes:
        path: Of the leaf.
        of: JSON of the expression over the column `""`, which stands for the leaf.
    """

    path: Path
    of: str

    def over(self, bound: str) -> pl.Expr:
        """The same of a column named `bound`."""
        return from_json(self.of.replace('{"Column": ""}', f'{{"Column": "{bound}"}}'))


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything: nothing is known of it."""


@dataclass(frozen=True, slots=True)
class All:
    """Every one holds."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one holds."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold; null stays null."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class Compare:
    """`operand operator constant`; the operator is one of `Lt`, `LtEq`, `Gt`, `GtEq`, `Eq`."""

    operand: Operand
    operator: str
    constant: pl.Expr


@dataclass(frozen=True, slots=True)
class IsIn:
    """The value is one of `values`, a series without nulls, of the operand's type."""

    operand: Operand
    values: pl.Series


@dataclass(frozen=True, slots=True)
class IsNull:
    """The leaf is null."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class BeginsWith:
    """The text begins with `prefix`."""

    operand: Operand
    prefix: str


Predicate = Unknown | All | Any | Not | Compare | IsIn | IsNull | BeginsWith
UNKNOWN = Unknown()


def from_json(text: str) -> pl.Expr:
    """The expression that Polars has written as JSON."""
    return pl.Expr.deserialize(io.StringIO(text), format="json")


def operands(predicate: Predicate) -> list[Operand]:
    """All of them, each path once."""
    found: dict[Path, Operand] = {}
    _collect(predicate, found)
    return list(found.values())


def _collect(predicate: Predicate, found: dict[Path, Operand]) -> None:
    if isinstance(predicate, All | Any):
        for part in predicate.parts:
            _collect(part, found)
    elif isinstance(predicate, Not):
        _collect(predicate.part, found)
    elif not isinstance(predicate, Unknown):
        found.setdefault(predicate.operand.path, predicate.operand)


def find_type(schema: pl.Schema, path: Path) -> pl.DataType | None:
    """The type of a column, or of a field inside of structs; None where there is none."""
    dtype: typing.Any = schema.get(path[0])
    for name in path[1:]:
        dtype = dict(dtype.to_schema()).get(name) if isinstance(dtype, pl.Struct) else None
    return dtype  # type: ignore[no-any-return]


def type_at(schema: pl.Schema, path: Path) -> pl.DataType:
    """As `find_type`, of what is there."""
    dtype = find_type(schema, path)
    assert dtype is not None
    return dtype
