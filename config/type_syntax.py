"""The text of a type that has no parts: `int64!`, `decimal(12,2)`, `timestamp[us, UTC]`.

    bool string dictionary binary json date time
    int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64
    decimal(precision,scale)
    timestamp[unit, zone]      unit s, ms or us; a point in time, written with an offset or in UTC
    timestamp[unit]            without a zone: what the clock on the wall showed

`!` at the end makes it required: never null. Structs, lists and the options of timestamps are told in
`config/column_syntax`.

Delta has no unsigned types: uint8, uint16 and uint32 are stored as the next larger signed type, uint64 as
decimal(20,0). It stores timestamps as microseconds, which is why there is no `ns`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from config.column_types import (
    Binary,
    Boolean,
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
    TimeUnit,
)
from config.errors import InvalidValueError, did_you_mean
from config.time_zones import check_zone

_SIMPLE: Final[dict[str, ColumnType]] = {
    "bool": Boolean(),
    "string": String(),
    "dictionary": Dictionary(),
    "binary": Binary(),
    "json": Json(),
    "date": Date(),
    "time": Time(),
    **{f"int{bits}": Integer(bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": Integer(bits, signed=False) for bits in (8, 16, 32, 64)},
    **{f"float{bits}": Float(bits) for bits in (32, 64)},
}
_NAME_OF: Final = {kind: name for name, kind in _SIMPLE.items()}
_UNITS: Final[dict[str, TimeUnit]] = {"s": "s", "ms": "ms", "us": "us"}
_ALLOWED: Final = (*_SIMPLE, "decimal(precision,scale)", "timestamp[unit, zone]", "timestamp[unit]")
# What people write who come from SQL, Python or another table format.
_ELSEWHERE: Final = {
    **dict.fromkeys(("int", "integer", "long", "bigint"), "int64"),
    **dict.fromkeys(("float", "double", "number", "real"), "float64"),
    **dict.fromkeys(("str", "text", "varchar", "utf8", "uuid"), "string"),
    **dict.fromkeys(("datetime", "timestamp", "timestamptz"), "timestamp[us, UTC]"),
    **dict.fromkeys(("category", "categorical", "enum"), "dictionary"),
    **dict.fromkeys(("bytes", "blob", "bytea", "varbinary"), "binary"),
    **dict.fromkeys(("boolean",), "bool"),
    **dict.fromkeys(("numeric", "decimal"), "decimal(18,2)"),
    **dict.fromkeys(("object", "dict", "map", "any", "variant"), "json"),
}
_TYPE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*) *(\(.*\)|\[.*\])? *(!?)")
_MAX_PRECISION: Final = 38


def parse_type(text: str) -> tuple[ColumnType, bool]:
    """The type that `text` names, and whether it is required.

    Raises:
        InvalidValueError: It names no type, or one that tables cannot hold.
    """
    match = _TYPE.fullmatch(text.strip())
    if match is None:
        raise _unknown(text)
    name, arguments, required = match[1], match[2] or "", bool(match[3])
    if not arguments and name in _SIMPLE:
        return _SIMPLE[name], required
    for start, end, reader_name, reader in _WITH_ARGUMENTS:
        if name == reader_name and arguments.startswith(start):
            return reader(text, arguments.removeprefix(start).removesuffix(end)), required
    raise _unknown(text)


def format_type(kind: ColumnType) -> str:
    """The text that `parse_type` reads back as `kind`, but for the options of a timestamp.

    Raises:
        TypeError: It has parts: a struct or a list.
    """
    match kind:
        case Decimal(precision, scale):
            return f"decimal({precision},{scale})"
        case Timestamp(unit, None):
            return f"timestamp[{unit}]"
        case Timestamp(unit, zone):
            return f"timestamp[{unit}, {zone}]"
        case Struct() | List():
            raise TypeError(f"{type(kind).__name__} is written as a mapping or a list, not as text")
        case _:
            # A type that no syntax names, such as Integer(7), gets a text which parse_type refuses.
            return _NAME_OF.get(kind, repr(kind))


def _decimal(text: str, arguments: str) -> ColumnType:
    match = re.fullmatch(r" *([0-9]{1,3}) *, *([0-9]{1,3}) *", arguments)
    precision, scale = (int(match[1]), int(match[2])) if match else (0, 0)
    if 1 <= precision <= _MAX_PRECISION and scale <= precision:
        return Decimal(precision, scale)
    raise InvalidValueError(
        "not a decimal type",
        got=repr(text),
        expected=f"decimal(precision,scale), precision 1 to {_MAX_PRECISION}, scale 0 to precision",
    )


def _timestamp(text: str, arguments: str) -> ColumnType:
    unit, comma, zone = (part.strip() for part in arguments.partition(","))
    if unit == "ns":
        raise InvalidValueError(
            "tables cannot hold nanoseconds",
            got=repr(text),
            expected="timestamp[us, zone]: Delta stores microseconds",
            next_step="use us where microseconds are enough, else string or int64",
        )
    if unit not in _UNITS or (comma and not zone):
        raise InvalidValueError(
            "not a timestamp type",
            got=repr(text),
            expected="timestamp[unit, zone] or timestamp[unit], unit one of s, ms, us",
        )
    return Timestamp(_UNITS[unit], check_zone(zone, text) if comma else None)


def _unknown(text: str) -> InvalidValueError:
    bare = text.strip().rstrip("!").rstrip()
    name = re.split(r"[\[(<]", bare.lower())[0].strip()
    elsewhere = _ELSEWHERE.get(name)
    hint = f"did you mean {elsewhere!r}?" if elsewhere else did_you_mean(bare, _ALLOWED)
    if "(" in bare and ")" not in bare:
        hint = 'inside { } and [ ], put it in quotes: "decimal(18,2)"'
    return InvalidValueError(
        "an unknown type",
        got=repr(text),
        expected=", ".join(_ALLOWED) + "; ! after it for required; a mapping for a struct; [type] for a list",
        next_step=hint,
    )


_WITH_ARGUMENTS: Final[tuple[tuple[str, str, str, Callable[[str, str], ColumnType]], ...]] = (
    ("(", ")", "decimal", _decimal),
    ("[", "]", "timestamp", _timestamp),
)
