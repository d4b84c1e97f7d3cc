"""Whether a text is a cron line of five fields, as POSIX crontab and Prefect read it.

https://pubs.opengroup.org/onlinepubs/9799919799/utilities/crontab.html, with steps (`*/5`) besides.
"""

from __future__ import annotations

import re
from typing import Final

from config.errors import InvalidValueError

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# name, smallest and largest value, names of values from the smallest on
_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...]], ...]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _WEEKDAYS),  # both 0 and 7 are Sunday
)
_PART: Final = re.compile(r"(?:(\*)|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]{1,2}))?")


def parse_cron(value: object) -> str:
    """`value` with single spaces between its fields.

    Raises:
        InvalidValueError: It has not five fields, or a field is out of its range.
    """
    fields = value.split() if isinstance(value, str) else []
    if len(fields) != len(_FIELDS):
        raise _no_cron(value, "not a cron line", "five fields, such as '*/5 * * * *': " + _names())
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part, low, high, words) for part in text.lower().split(",")):
            raise _no_cron(value, f"{text!r} is not a {name}", f"*, {low}-{high}, lists, ranges, steps")
    return " ".join(fields)


def _is_part(text: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(text)
    if match is None or (match[4] is not None and int(match[4]) == 0):
        return False
    if match[1]:
        return True
    first = _number(match[2], low, words)
    last = _number(match[3], low, words) if match[3] else first
    return low <= first <= last <= high


def _number(text: str, low: int, words: tuple[str, ...]) -> int:
    if text in words:
        return words.index(text) + low
    return int(text) if text.isdigit() and len(text) <= 2 else -1


def _names() -> str:
    return ", ".join(name for name, *_ in _FIELDS)


def _no_cron(value: object, what: str, expected: str) -> InvalidValueError:
    return InvalidValueError(what, got=repr(value), expected=expected, next_step="or use every: 5m")
