"""Names of the IANA time zone database."""

from __future__ import annotations

import zoneinfo

from config.errors import InvalidValueError, did_you_mean


def is_zone(name: str) -> bool:
    """Whether `name` is one; `UTC` is known even where the machine has no such database."""
    if name == "UTC":
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def check_zone(name: str, written: str) -> str:
    """`name`, where it is a time zone.

    Args:
        written: The text that it is part of, for the error.

    Raises:
        InvalidValueError: There is no such zone.
    """
    if is_zone(name):
        return name
    raise InvalidValueError(
        "an unknown time zone",
        got=repr(written),
        expected="UTC, or a name of the IANA time zone database such as Europe/Berlin",
        next_step=did_you_mean(name, {"UTC", *zoneinfo.available_timezones()}),
    )
