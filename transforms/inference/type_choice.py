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
    Dictionary,
    Float,
    Integer,
    Json,
    List,
    String,
    Struct,
    Time,
    Timestamp,
)
from config.findings import KeyPath
from config.names import RESERVED, is_column_name
from transforms.inference.epochs import names_time
from transforms.inference.maps import MOST_FIELDS, why_map
from transforms.inference.numbers import MOST_DIGITS
from transforms.inference.observed import Observed
from transforms.inference.texts import MOST_DISTINCT, TextKind, Texts

LEAST_TEXTS: Final = 1000
"""A sample of fewer texts does not tell that there are few different ones."""
LEAST_INSIDE: Final = 100
"""Fewer objects, or elements of lists, do not tell that something in them is never null."""
MOST_DISTINCT_SHARE: Final = 0.01
LEAST_CHARACTERS: Final = 3
"""Texts must be longer than this, on average, for a dictionary to save anything."""

_INT64: Final = (-(2**63), 2**63 - 1)
_UINT64: Final = (0, 2**64 - 1)
_DECIMAL: Final = (1 - 10**MOST_DIGITS, 10**MOST_DIGITS - 1)
_EXACT_IN_DOUBLES: Final = (-(2**53), 2**53)
_TEXTS: Final[dict[TextKind, ColumnType]] = {
    "timestamp": Timestamp("us", "UTC"),
    "wall clock": Timestamp("us", None),
    "date": Date(),
    "time": Time(),
}
_NAMES: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


class TypeChoice:
    """Chooses types, and keeps the reasons.

    Args:
        always_null: The type of a column without a single value.

    Attributes:
        notes: What is not plain to see in a place, such as why it has its type.
        left_out: Why a field has no place in the contract, by dotted path.
    """

    def __init__(self, always_null: ColumnType | None = None) -> None:
        self._always_null = always_null or Json()
        self.notes: dict[KeyPath, str] = {}
        self.left_out: dict[str, str] = {}

    def columns(self, seen: Observed, path: KeyPath) -> tuple[Column, ...]:
        """A column for each field of the objects at `path` that can have one, in the order of first sight."""
        objects = seen.kinds.get("object", 0)
        fields = self._fields(seen, path)
        return tuple(self._column(name, inner, objects, (*path, name)) for name, inner in fields)

    def note(self, path: KeyPath, reason: str) -> None:
        """Keeps one more thing to know about `path`."""
        self.notes[path] = f"{self.notes[path]}; {reason}" if path in self.notes else reason

    def note_share(self, path: KeyPath, values: int, places: int) -> None:
        """Keeps in how many of the records `path` had a value, unless it had none at all."""
        if values:
            self.note(path, f"in {values:,} of {places:,} records")

    def _fields(self, seen: Observed, path: KeyPath) -> Iterator[tuple[str, Observed]]:
        names: set[str] = set()
        for name, inner in seen.fields.items():
            if reason := why_unusable(name, names, top_level=not path):
                self.left_out[".".join(map(str, (*path, name)))] = reason
            else:
                names.add(name.casefold())
                yield name, inner

    def _column(self, name: str, seen: Observed, places: int, path: KeyPath) -> Column:
        kind = self._type(seen, path)
        return Column(name, kind, required=seen.is_always(places) and may_require(kind, places, path))

    def _type(self, seen: Observed, path: KeyPath) -> ColumnType:
        match list(seen.kinds):
            case _ if seen.opaque:
                return self._json(path, seen.opaque)
            case []:
                self.note(path, "always null")
                return self._always_null
            case ["boolean"]:
                return Boolean()
            case ["number"]:
                return self._number(seen, path)
            case ["text"]:
                return self._text(seen.texts, path)
            case ["object"]:
                return self._object(seen, path)
            case ["array"]:
                return self._array(seen, path)
            case kinds:
                counts = (f"{seen.kinds[kind]:,} {kind}" for kind in sorted(kinds))
                return self._json(path, f"of several types ({', '.join(counts)})")

    def _json(self, path: KeyPath, reason: str) -> Json:
        self.note(path, reason)
        return Json()

    def _number(self, seen: Observed, path: KeyPath) -> ColumnType:
        numbers = seen.numbers
        if not numbers.finite:
            return self._json(path, "numbers beyond the range of float64")
        if numbers.fractions or not numbers.integers:
            if numbers.within(*_EXACT_IN_DOUBLES):
                return Float(64)
            return self._json(path, "fractions, and integers that float64 would round")
        if numbers.integral:
            self.note(path, f"integers, of which {numbers.integral:,} are written like 1.0 or 1e3")
        return self._integer(seen, path)

    def _integer(self, seen: Observed, path: KeyPath) -> ColumnType:
        numbers = seen.numbers
        if numbers.within(*_INT64):
            return self._epoch(seen, path) or Integer(64)
        self.note(path, f"integers beyond int64: {numbers.low} to {numbers.high}")
        if numbers.within(*_UINT64):
            return Integer(64, signed=False)
        return Decimal(MOST_DIGITS, 0) if numbers.within(*_DECIMAL) else self._json(path, "too long")

    def _epoch(self, seen: Observed, path: KeyPath) -> ColumnType | None:
        unit = next(iter(seen.numbers.units)) if len(seen.numbers.units) == 1 else None
        if unit is None or not names_time(next((str(key) for key in path[::-1] if isinstance(key, str)), "")):
            return None
        self.note(
            path,
            f"counts {_NAMES[unit]} since 1970, by its name and range; int64 would keep the plain numbers",
        )
        return Timestamp("us", "UTC", epoch=unit)  # type: ignore[arg-type]  # `units` holds units

    def _text(self, texts: Texts, path: KeyPath) -> ColumnType:
        if len(texts.kinds) == 1 and "other" not in texts.kinds:
            return _TEXTS[next(iter(texts.kinds))]
        if "other" not in texts.kinds:
            self.note(path, f"of several kinds: {', '.join(sorted(texts.kinds))}")
        if texts.distinct is None or not is_dictionary(len(texts.distinct), texts.count, texts.characters):
            return String()
        self.note(path, f"{len(texts.distinct):,} different values in {texts.count:,}")
        return Dictionary()

    def _array(self, seen: Observed, path: KeyPath) -> ColumnType:
        if seen.element is None:
            return self._json(path, "always an empty array")
        return List(self._column("", seen.element, seen.element.values, (*path, 0)))

    def _object(self, seen: Observed, path: KeyPath) -> ColumnType:
        if reason := why_map(seen):
            return self._json(path, reason)
        return Struct(self.columns(seen, path))


def may_require(kind: ColumnType, places: int, path: KeyPath) -> bool:
    """Whether what had a value in all of `places` is proposed as required."""
    return not isinstance(kind, Struct | List) and (len(path) == 1 or places >= LEAST_INSIDE)


def is_dictionary(distinct: int, texts: int, characters: int) -> bool:
    """Whether so many different ones among `texts`, `characters` in all of them, are worth a dictionary."""
    few = distinct <= min(MOST_DISTINCT, MOST_DISTINCT_SHARE * texts)
    return few and texts >= LEAST_TEXTS and characters > LEAST_CHARACTERS * texts


def why_unusable(name: str, taken: set[str], *, top_level: bool) -> str | None:
    """Why a field has no place in a contract that has the names `taken` (case folded); None where it has."""
    if not is_column_name(name):
        return "not a name that a column can have"
    if top_level and name.lower() in RESERVED:
        return "a reserved name"
    if name.casefold() in taken:
        return "differs from another field only in upper and lower case"
    return f"beyond the first {MOST_FIELDS} fields" if len(taken) == MOST_FIELDS else None
