"""What was seen in the texts of one place of a sample."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

TextKind = Literal["timestamp", "wall clock", "date", "time", "other"]

MOST_DISTINCT: Final = 1000
"""Values of a dictionary."""
_MOST_CHARACTERS: Final = 200  # of one of them

# RFC 3339 as the decoder reads it: microseconds (further digits only where they are zero), no leap second.
_DATE: Final = re.compile(r"(?!0000)([0-9]{4})-([0-9]{2})-([0-9]{2})")
_CLOCK: Final = r"(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\.[0-9]{1,6}0*)?"
_TIME: Final = re.compile(_CLOCK)
_TIME_OF_DATE: Final = re.compile(rf"[Tt ]{_CLOCK}([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?")
_EDGES: Final = ("0001", "9999")  # years that an offset can lead out of


@dataclass(slots=True)
class Texts:
    """Counts over texts.

    Attributes:
        count: How many there were.
        characters: In all of them together.
        kinds: What they look like.
        days: The days of those that look like a date or a timestamp.
        distinct: The different ones; None where there are too many, or long ones, for a dictionary.
    """

    count: int = 0
    characters: int = 0
    kinds: set[TextKind] = field(default_factory=set)
    days: set[str] = field(default_factory=set)
    distinct: set[str] | None = field(default_factory=set)

    def see(self, value: str) -> None:
        """Counts one text."""
        self.count += 1
        self.characters += len(value)
        kind = text_kind(value)
        self.kinds.add(kind)
        if kind not in ("other", "time"):
            self.days.add(value[:10])
        if self.distinct is not None:
            self.distinct.add(value)
            if len(self.distinct) > MOST_DISTINCT or len(value) > _MOST_CHARACTERS:
                self.distinct = None


def text_kind(text: str) -> TextKind:
    """Whether `text` is what a `timestamp[us, UTC]`, a `timestamp[us]`, a `date` or a `time` column takes."""
    day = _DATE.match(text)
    if day is None:
        return "time" if _TIME.fullmatch(text) else "other"
    if not _is_day(int(day[1]), int(day[2]), int(day[3])):
        return "other"
    if day.end() == len(text):
        return "date"
    time = _TIME_OF_DATE.fullmatch(text, day.end())
    if time is None or (time[1] and time[1] not in "Zz" and day[1] in _EDGES):
        return "other"
    return "timestamp" if time[1] else "wall clock"


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
