"""What a literal means under a column type: the one value that may be stored for it, or none.

Written down a second time, apart from the decoders, slowly and exactly, so that a stored value is held
against what was written and not against what a decoder says of it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from decimal import Decimal as Number
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from config import column_types as kinds
from tests.contract_table.canonical import Canonical, canonical

NOTHING: Canonical = ["nothing", None]
"""The literal means nothing in this type: whatever is stored for it is something else."""

_ANY_NUMBER = re.compile(r"\s*[-+]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?\s*")
"""Also with zeros and spaces that JSON does not allow: a cell has no grammar that all agree on."""
_NUMERIC = kinds.Integer | kinds.Float | kinds.Decimal | kinds.Timestamp
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d(?:\.(\d+))?")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?")
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def meaning(kind: kinds.ColumnType, written: Any, *, exact: bool = False) -> Canonical:
    """The canonical form of the value that may be stored; NOTHING where there is none.

    written: what JSON says, numbers as Decimal; or a Python value of a typed file; or why it says nothing.
    exact: Whether a float must be what was written, as in typed files, and not just the nearest.
    """
    if written is None or isinstance(written, Exception):
        return written and NOTHING
    match kind:
        case kinds.Integer():
            return _integer(kind, written)
        case kinds.Float():
            return _float(kind, written, exact=exact)
        case kinds.Decimal():
            return _decimal(kind, written)
        case kinds.String() | kinds.Dictionary():
            return _text(written)
        case kinds.Boolean():
            return canonical(written) if isinstance(written, bool) else NOTHING
        case kinds.Json():
            return canonical(plain(written))
        case kinds.Binary():
            return _binary(written)
        case kinds.Date():
            return _date(written)
        case kinds.Time():
            return _time(written)
        case kinds.Timestamp():
            return _timestamp(kind, written)
        case kinds.Struct():
            return _struct(kind, written, exact=exact)
        case kinds.List():
            return _list(kind, written, exact=exact)


def cell_value(kind: kinds.ColumnType, cell: str) -> Any:
    """What JSON would say for a cell of CSV; None for a null."""
    if cell == "":
        return None
    text = cell[1:-1].replace('""', '"') if cell.startswith('"') else cell
    if isinstance(kind, kinds.Json):
        return json_or_error(text)
    if isinstance(kind, _NUMERIC) and _ANY_NUMBER.fullmatch(text):
        return Number(text.strip())
    if isinstance(kind, kinds.Boolean) and text in ("true", "false"):
        return text == "true"
    return text


def json_value(text: str | bytes) -> Any:
    """A JSON document, numbers as Decimal, members of one name all kept; an exception where it is none."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) > len(dict(pairs)):
            raise ValueError("a name twice")
        return dict(pairs)

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    return json.loads(
        text, parse_int=Number, parse_float=Number, parse_constant=refuse, object_pairs_hook=members
    )


def json_or_error(text: str | bytes) -> Any:
    """A JSON document, or the exception that tells that it is none."""
    try:
        return json_value(text)
    except ValueError as error:
        return error


def unknown_fields(kind: kinds.ColumnType | None, written: Any) -> dict[str, Any]:
    """What is written where the type has no place for it, by path from the column on."""
    if kind is None:
        return {"": written}
    if isinstance(kind, kinds.Struct) and isinstance(written, Mapping):
        known = {field.name for field in kind.fields}
        return {f".{name}": value for name, value in written.items() if name not in known}
    return {}


def plain(value: Any) -> Any:
    """JSON with each number as the canonical form has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def _text(written: Any) -> Canonical:
    is_unicode = isinstance(written, str) and not re.search("[\\ud800-\\udfff]", written)
    return canonical(written) if is_unicode else NOTHING


def _integer(kind: kinds.Integer, written: Any) -> Canonical:
    if isinstance(written, bool) or not isinstance(written, int | float | Decimal):
        return NOTHING
    if not (isinstance(written, int) or Decimal(written).is_finite()):
        return NOTHING
    value = Fraction(written)
    low, high = (-(2 ** (kind.bits - 1)), 2 ** (kind.bits - 1) - 1) if kind.signed else (0, 2**kind.bits - 1)
    return canonical(int(value)) if value.denominator == 1 and low <= value <= high else NOTHING


def _float(kind: kinds.Float, written: Any, *, exact: bool) -> Canonical:
    if isinstance(written, bool) or not isinstance(written, int | float | Decimal):
        return NOTHING
    with np.errstate(over="ignore"):
        nearest = float(np.float32(str(written))) if kind.bits == 32 else float(written)
    if not np.isfinite(nearest) or (exact and Fraction(nearest) != Fraction(written)):
        return NOTHING
    return canonical(nearest)


def _decimal(kind: kinds.Decimal, written: Any) -> Canonical:
    if isinstance(written, bool) or not isinstance(written, int | float | Decimal):
        return NOTHING
    value = Fraction(written) * 10**kind.scale
    fits = value.denominator == 1 and abs(value) < 10**kind.precision
    return canonical(Decimal(written)) if fits else NOTHING


def _binary(written: Any) -> Canonical:
    if isinstance(written, bytes):
        return canonical(written)
    try:
        return canonical(base64.b64decode(written, validate=True))
    except (binascii.Error, TypeError, ValueError):
        return NOTHING


def _date(written: Any) -> Canonical:
    if isinstance(written, date) and not isinstance(written, datetime):
        return canonical(written)
    try:
        return canonical(date.fromisoformat(written)) if _DAY.fullmatch(written) else NOTHING
    except (TypeError, ValueError):
        return NOTHING


def _time(written: Any) -> Canonical:
    if isinstance(written, time):
        return canonical(written)
    try:
        found = _CLOCK.fullmatch(written)
        return canonical(time.fromisoformat(written)) if found and len(found[1] or "") <= 6 else NOTHING
    except (TypeError, ValueError):
        return NOTHING


def _timestamp(kind: kinds.Timestamp, written: Any) -> Canonical:
    if isinstance(written, datetime):
        return _moment(kind, written)
    if isinstance(written, int | Decimal) and not isinstance(written, bool):
        if kind.epoch is None:
            return NOTHING
        micros = Fraction(written) * 10**6 / _PER_SECOND[kind.epoch]
        finer = (micros * _PER_SECOND[kind.unit] / 10**6).denominator > 1
        return NOTHING if finer else ["instant", int(micros)]
    found = _MOMENT.fullmatch(written) if isinstance(written, str) else None
    if found is None or (found[3] or "").rstrip("0")[{"s": 0, "ms": 3, "us": 6}[kind.unit] :]:
        return NOTHING
    try:
        whole = datetime.fromisoformat(
            f"{found[1]}T{found[2]}{(found[4] or '').upper().replace('Z', '+00:00')}"
        )
    except ValueError:
        return NOTHING
    return _moment(kind, whole + timedelta(microseconds=int((found[3] or "0").ljust(6, "0")[:6])))


def _moment(kind: kinds.Timestamp, at: datetime) -> Canonical:
    if (kind.zone is None) == (at.tzinfo is None):
        return canonical(at.astimezone(UTC) if at.tzinfo else at)
    if at.tzinfo is None and kind.assume_zone:
        return canonical(at.replace(tzinfo=ZoneInfo(kind.assume_zone)).astimezone(UTC))
    return NOTHING


def _struct(kind: kinds.Struct, written: Any, *, exact: bool) -> Canonical:
    if not isinstance(written, Mapping):
        return NOTHING
    values = {field.name: meaning(field.type, written.get(field.name), exact=exact) for field in kind.fields}
    return NOTHING if NOTHING in values.values() else ["struct", values]


def _list(kind: kinds.List, written: Any, *, exact: bool) -> Canonical:
    if not isinstance(written, list):
        return NOTHING
    values = [meaning(kind.element.type, one, exact=exact) for one in written]
    return NOTHING if NOTHING in values else ["list", values]
