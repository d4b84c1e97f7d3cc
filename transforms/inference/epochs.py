"""Integers that tell a time: how long after 1970 it was."""

from __future__ import annotations

import re
from typing import Final

from config.column_types import EpochUnit

_UNITS: Final[dict[EpochUnit, int]] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY_SECONDS: Final = 86_400
_YEAR_2000, _YEAR_2100 = 946_684_800, 4_102_444_800  # in seconds; a century in one unit is none in another

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TIMES: Final = frozenset(
    {"at", "ts", "time", "timestamp", "datetime", "epoch", "created", "updated", "modified", "date"}
)
_UNIT_WORDS: Final = frozenset(
    {"s", "ms", "us", "ns", "sec", "secs", "seconds", "millis", "milliseconds", "micros", "nanos", "utc"}
)


def epoch_unit(value: int) -> EpochUnit | None:
    """The unit in which `value` counts to a time of the years 2000 to 2099; None where there is none.

    Nanoseconds only where they are whole microseconds, which is what a table can hold.
    """
    for unit, second in _UNITS.items():
        if _YEAR_2000 * second <= value < _YEAR_2100 * second:
            return unit if unit != "ns" or value % 1000 == 0 else None
    return None


def day_of_epoch(value: int, unit: str) -> int:
    """Days since 1970-01-01."""
    return value // next(second for name, second in _UNITS.items() if name == unit) // _DAY_SECONDS


def names_time(name: str) -> bool:
    """Whether a column of this name is likely to tell a time: `ts`, `created_at`, `eventTimeMs`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    while words and words[-1] in _UNIT_WORDS:
        words.pop()
    return bool(words) and words[-1] in _TIMES
