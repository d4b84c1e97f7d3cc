"""Values as every engine's results are compared: a kind and a text, which JSON carries without loss.

Imports nothing but the standard library, because engines run it in environments of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

Canonical = Any
"""None, or a list of a kind and what it holds: ["number", "5"], ["list", [...]], ["struct", {...}]."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def canonical(value: Any) -> Canonical:
    """A Python value in one form, whichever engine gave it; None stays None."""
    match value:
        case None:
            return None
        case bool():
            return ["bool", value]
        case int():
            return ["number", str(value)]
        case float():
            return ["float", value.hex()]
        case Decimal():
            return ["number", number_text(value)]
        case str():
            return ["text", value]
        case bytes() | bytearray():
            return ["bytes", bytes(value).hex()]
        case datetime() if value.tzinfo is not None:
            return ["instant", (value - _EPOCH) // timedelta(microseconds=1)]
        case datetime():
            return ["wall", value.isoformat(timespec="microseconds")]
        case date():
            return ["date", value.isoformat()]
        case time():
            return ["time", value.isoformat(timespec="microseconds")]
        case Mapping():
            return ["struct", {name: canonical(one) for name, one in value.items()}]
        case list() | tuple():
            return ["list", [canonical(one) for one in value]]
    raise TypeError(f"no canonical form for {type(value).__name__}: {value!r}")


def number_text(value: Decimal) -> str:
    """A number with no more digits than it needs, so that 1.50 and 1.5 are one."""
    if not value.is_finite():
        return str(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(value: Canonical) -> str:
    """A canonical value for people."""
    if value is None:
        return "null"
    kind, held = value
    match kind:
        case "float":
            return repr(float.fromhex(held))
        case "instant":
            return (_EPOCH + timedelta(microseconds=held)).isoformat()
        case "list":
            return "[" + ", ".join(map(shown, held)) + "]"
        case "struct":
            return "{" + ", ".join(f"{name}: {shown(one)}" for name, one in held.items()) + "}"
        case "text":
            return ascii(held) if not held.isprintable() else f'"{held}"'
        case "bytes":
            return f"0x{held}"
        case "bool":
            return "true" if held else "false"
    return str(held)
