"""What was seen in the values of one column, field or list element of a sample."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

Kind = Literal["boolean", "number", "text", "object", "array"]
TextKind = Literal["timestamp", "wall clock", "date", "other"]

BEYOND_NUMBERS: Final = math.inf
"""Stands for a number literal that is beyond all doubles and all decimals."""

# Below this depth a contract would be no help, and the stack has an end.
_DEEPEST: Final = 16

# RFC 3339 as the decoder reads it: microseconds (further digits only where they are zero), no leap second.
_DATE: Final = re.compile(r"(?!0000)([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME: Final = re.compile(
    r"[Tt ](?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\.[0-9]{1,6}0*)?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)


@dataclass(slots=True)
class Observed:
    """Counts over the values of one place, null included.

    Attributes:
        values: How many values there were, nulls included; a missing field is no value.
        kinds: How many of each kind, without nulls.
        fractions: How many numbers were written with a fraction or an exponent.
        low: The smallest integer.
        high: The largest integer.
        finite: Whether all numbers are within the range of doubles.
        text_kinds: What texts look like.
        days: The days of the texts that look like a date or a time.
        fields: What was seen in the fields of objects, in the order of first sight.
        element: What was seen in the elements of arrays; None where all were empty.
        too_deep: Whether there was more below than was looked at.
    """

    values: int = 0
    nulls: int = 0
    kinds: dict[Kind, int] = field(default_factory=dict)
    fractions: int = 0
    low: int = 0
    high: int = 0
    finite: bool = True
    text_kinds: set[TextKind] = field(default_factory=set)
    days: set[str] = field(default_factory=set)
    fields: dict[str, Observed] = field(default_factory=dict)
    element: Observed | None = None
    too_deep: bool = False

    def see(self, value: object, depth: int = 0) -> None:
        """Counts one value that `json.loads` gave."""
        self.values += 1
        match value:
            case None:
                self.nulls += 1
            case bool():
                self._count("boolean")
            case int() | float():
                self._count("number")
                self._see_number(value)
            case str():
                self._count("text")
                self._see_text(value)
            case dict():
                self._count("object")
                self._see_fields(value, depth)
            case list():
                self._count("array")
                self._see_elements(value, depth)

    def _count(self, kind: Kind) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def _see_number(self, value: float) -> None:
        if isinstance(value, int):
            self.low, self.high = min(self.low, value), max(self.high, value)
        else:
            self.fractions += 1
            self.finite = self.finite and math.isfinite(value)

    def _see_text(self, value: str) -> None:
        kind = text_kind(value)
        self.text_kinds.add(kind)
        if kind != "other":
            self.days.add(value[:10])

    def _see_fields(self, value: dict[str, object], depth: int) -> None:
        if depth == _DEEPEST:
            self.too_deep = True
            return
        for name, inner in value.items():
            if name not in self.fields:
                self.fields[name] = Observed()
            self.fields[name].see(inner, depth + 1)

    def _see_elements(self, value: list[object], depth: int) -> None:
        if depth == _DEEPEST:
            self.too_deep = True
            return
        for inner in value:
            if self.element is None:
                self.element = Observed()
            self.element.see(inner, depth + 1)


def text_kind(text: str) -> TextKind:
    """Whether `text` is what a `timestamp[us, UTC]`, a `timestamp[us]` or a `date` column takes."""
    day = _DATE.match(text)
    if day is None or not _is_day(int(day[1]), int(day[2]), int(day[3])):
        return "other"
    if day.end() == len(text):
        return "date"
    time = _TIME.fullmatch(text, day.end())
    if time is None:
        return "other"
    return "timestamp" if time[1] else "wall clock"


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
