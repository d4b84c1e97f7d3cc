"""Sizes and durations as people write them: `4 GiB`, `512 MB`, `5m`.

Sizes are whole bytes; kB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB powers of 1024 (IEC 80000-13).
Durations are whole seconds: s, m, h, d.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final

from config.errors import InvalidValueError

_BYTES: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_BINARY: Final = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE: Final = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,6})?) *([A-Za-z]*)")
_DURATION: Final = re.compile(r"([0-9]{1,12}) *([smhd])")
_LARGEST_BYTES: Final = 2**62
_LONGEST_S: Final = 366 * 86400


def parse_bytes(value: object) -> int:
    """Bytes from `4 GiB`, `512 MB`, `1.5 GiB` or a whole number; at least 1.

    Raises:
        InvalidValueError: It is no such size, or not a whole number of bytes.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    factor = _BYTES.get(match[2].lower()) if match else None
    if not match or factor is None:
        raise _no_size(value)
    size = Decimal(match[1]) * factor
    if size != int(size) or not 0 < size <= _LARGEST_BYTES:
        raise _no_size(value)
    return int(size)


def format_bytes(size: int) -> str:
    """The shortest text that `parse_bytes` reads back as `size`: `4 GiB`, `1500 B`."""
    for name, factor in _BINARY:
        if size % factor == 0:
            return f"{size // factor} {name}"
    return f"{size} B"


def parse_duration(value: object) -> timedelta:
    """A duration from `30s`, `5m`, `2h` or `1d`; longer than nothing, at most 366 days.

    Raises:
        InvalidValueError: It is no such duration.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    else:
        match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_S or seconds != int(seconds):
        raise InvalidValueError(
            "not a duration",
            got=repr(value),
            expected="a whole number above 0 and a unit (s, m, h, d), up to 366 days, such as 30s, 5m, 2h",
        )
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back: `5m`, `90s`, `1d`."""
    seconds = int(duration.total_seconds())
    unit = next(name for name in "dhms" if seconds % _SECONDS[name] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def _no_size(value: object) -> InvalidValueError:
    return InvalidValueError(
        "not a size",
        got=repr(value),
        expected="a whole number of bytes above 0, such as 4 GiB, 512 MB or 1048576",
    )
