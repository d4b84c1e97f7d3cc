"""From what was seen in a place to the type that takes all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from config.column_types import (
    Boolean,
    Column,
    ColumnType,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    List,
    String,
    Struct,
    Timestamp,
)
from config.findings import KeyPath
from config.names import RESERVED, is_column_name
from transforms.inference.observed import Observed, TextKind

MOSTLY_THERE: Final = 0.5
"""An object is a struct where its fields are there more often than this, on average; else it is json."""
MOST_FIELDS: Final = 500
"""A contract with more columns, or fields in a struct, is of no use to anybody."""
MOST_DIGITS: Final = 38
"""Of a decimal."""

_INT64: Final = range(-(2**63), 2**63)
_EXACT_IN_DOUBLES: Final = range(-(2**53), 2**53 + 1)
_TEXTS: Final[dict[TextKind, ColumnType]] = {
    "timestamp": Timestamp("us", "UTC"),
    "wall clock": Timestamp("us", None),
    "date": Date(),
    "other": String(),
}


class TypeChoice:
    """Chooses types, and keeps the reasons.

    Attributes:
        notes: Why a place has its type, where that is not plain to see.
        left_out: Why a field has no place in the contract, by dotted path.
    """

    def __init__(self) -> None:
        self.notes: dict[KeyPath, str] = {}
        self.left_out: dict[str, str] = {}

    def fields(self, seen: Observed, path: KeyPath) -> Iterator[tuple[str, Observed]]:
        """The fields of objects at `path` that can have a column, in the order of first sight."""
        names: set[str] = set()
        for name, inner in seen.fields.items():
            if reason := _unusable(name, names, top_level=not path):
                self.left_out[".".join(map(str, (*path, name)))] = reason
            else:
                names.add(name.casefold())
                yield name, inner

    def type(self, seen: Observed, path: KeyPath) -> ColumnType:
        """The narrowest type that takes every value seen at `path`."""
        match list(seen.kinds):
            case _ if seen.too_deep:
                return self._json(path, "nested too deep")
            case []:
                return self._json(path, "always null")
            case ["boolean"]:
                return Boolean()
            case ["number"]:
                return self._number(seen, path)
            case ["text"]:
                return self._text(seen, path)
            case ["object"]:
                return self._object(seen, path)
            case ["array"]:
                return self._array(seen, path)
            case kinds:
                return self._json(path, f"of several types: {', '.join(sorted(kinds))}")

    def _json(self, path: KeyPath, reason: str) -> Json:
        self.notes[path] = reason
        return Json()

    def _number(self, seen: Observed, path: KeyPath) -> ColumnType:
        if not seen.finite:
            return self._json(path, "numbers beyond the range of float64")
        if seen.fractions:
            exact = seen.low in _EXACT_IN_DOUBLES and seen.high in _EXACT_IN_DOUBLES
            return (
                Float(64) if exact else self._json(path, "fractions, and integers that float64 would round")
            )
        if seen.low in _INT64 and seen.high in _INT64:
            return Integer(64)
        self.notes[path] = "integers beyond int64"
        return Decimal(MOST_DIGITS, 0)

    def _text(self, seen: Observed, path: KeyPath) -> ColumnType:
        if len(seen.text_kinds) == 1:
            return _TEXTS[next(iter(seen.text_kinds))]
        if "other" not in seen.text_kinds:
            self.notes[path] = f"of several kinds: {', '.join(sorted(seen.text_kinds))}"
        return String()

    def _array(self, seen: Observed, path: KeyPath) -> ColumnType:
        if seen.element is None:
            return self._json(path, "always an empty array")
        return List(Column("", self.type(seen.element, (*path, 0))))

    def _object(self, seen: Observed, path: KeyPath) -> ColumnType:
        if not seen.fields:
            return self._json(path, "always an empty object")
        if not any(is_column_name(name) for name in seen.fields):
            return self._json(path, "no field has a name that a column can have")
        there = sum(inner.values for inner in seen.fields.values())
        share = there / (seen.kinds["object"] * len(seen.fields))
        if share <= MOSTLY_THERE or len(seen.fields) > MOST_FIELDS:
            shapes = f"{len(seen.fields)} fields, each in {share:.0%} of the objects on average"
            return self._json(path, f"objects of many shapes: {shapes}")
        fields = self.fields(seen, path)
        return Struct(tuple(Column(name, self.type(inner, (*path, name))) for name, inner in fields))


def _unusable(name: str, taken: set[str], *, top_level: bool) -> str | None:
    if not is_column_name(name):
        return "not a name that a column can have"
    if top_level and name.lower() in RESERVED:
        return "a reserved name"
    if name.casefold() in taken:
        return "differs from another field only in upper and lower case"
    return f"beyond the first {MOST_FIELDS} fields" if len(taken) == MOST_FIELDS else None
