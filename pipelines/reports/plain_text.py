"""Values as short text for people; whatever the data holds, a terminal shows it and does nothing."""

from __future__ import annotations

from datetime import UTC, datetime


def printable(text: str, *, keep: str = "") -> str:
    """`text` with each character that cannot be printed as its escape sequence, `\\x1b` for one.

    That is control characters, marks that turn the direction of writing, lone surrogates and the like, which
    could move the cursor, hide text or worse.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def whole(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def size(count: float) -> str:
    """Bytes in the unit that fits."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{whole(number)} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """The two largest units: `3 d 4 h`, `2 h 5 min`, `41 s`."""
    rest, parts = int(seconds), list[tuple[int, str]]()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        amount, rest = divmod(rest, length)
        if amount or parts:
            parts.append((amount, unit))
    return " ".join(f"{amount} {unit}" for amount, unit in parts[:2] if amount) or "0 s"


def moment(at: datetime | None) -> str:
    """A point in time, to the second, in UTC."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
