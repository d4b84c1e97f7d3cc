"""Python values under Arrow types as Avro: https://avro.apache.org/docs/1.12.0/specification/."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pyarrow as pa

from tests.storage.typed.avro_files import container, number, text

ROWS_A_BLOCK = 3
Encode = Callable[[Any], bytes]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": "millis", "us": "micros", "ns": "nanos"}


def avro_file(schema: pa.Schema, rows: Sequence[Mapping[str, Any]], *, codec: str = "null") -> bytes:
    """The rows as an object container file; every value may be null.

    Raises:
        NotImplementedError: Avro has no such type.
    """
    kind, encode = _record(schema, count())
    parts = [rows[start : start + ROWS_A_BLOCK] for start in range(0, len(rows), ROWS_A_BLOCK)]
    blocks = [(len(part), b"".join(map(encode, part))) for part in parts]
    return container(json.dumps(kind), blocks, codec=codec)


def _record(fields: Any, names: count[int]) -> tuple[Any, Encode]:
    found = {field.name: _nullable(field.type, names) for field in fields}
    kind = {
        "type": "record",
        "name": f"r{next(names)}",
        "fields": [{"name": name, "type": inner} for name, (inner, _) in found.items()],
    }
    return kind, lambda row: b"".join(encode(row.get(name)) for name, (_, encode) in found.items())


def _nullable(kind: pa.DataType, names: count[int]) -> tuple[Any, Encode]:
    inner, encode = _type(kind, names)
    return ["null", inner], lambda value: number(0) if value is None else number(1) + encode(value)


def _type(kind: pa.DataType, names: count[int]) -> tuple[Any, Encode]:
    """The Avro schema of an Arrow type, and what writes its values."""
    is_type = pa.types
    if is_type.is_boolean(kind):
        return "boolean", lambda value: bytes([value])
    if is_type.is_integer(kind) and kind != pa.uint64():
        return ("long" if kind in (pa.int64(), pa.uint32()) else "int"), number
    if kind == pa.float32():
        return "float", lambda value: struct.pack("<f", value)
    if kind == pa.float64():
        return "double", lambda value: struct.pack("<d", value)
    if is_type.is_string(kind) or is_type.is_dictionary(kind):
        return "string", text
    if is_type.is_binary(kind):
        return "bytes", text
    if is_type.is_struct(kind):
        return _record(kind, names)
    if is_type.is_list(kind):
        return _array(kind, names)
    return _logical(kind)


def _array(kind: pa.DataType, names: count[int]) -> tuple[Any, Encode]:
    inner, encode = _nullable(kind.value_type, names)

    def items(values: list[Any]) -> bytes:
        return (number(len(values)) + b"".join(map(encode, values)) if values else b"") + number(0)

    return {"type": "array", "items": inner}, items


def _logical(kind: pa.DataType) -> tuple[Any, Encode]:
    if pa.types.is_decimal(kind):
        decimal = {"logicalType": "decimal", "precision": kind.precision, "scale": kind.scale}
        return {"type": "bytes", **decimal}, lambda value: text(_unscaled(value, kind.scale))
    if pa.types.is_date32(kind):
        return {"type": "int", "logicalType": "date"}, lambda value: number((value - date(1970, 1, 1)).days)
    if kind == pa.time64("us"):
        return {"type": "long", "logicalType": "time-micros"}, lambda value: number(_micros_of_day(value))
    if pa.types.is_timestamp(kind) and kind.unit in _UNITS:
        name = f"{'' if kind.tz else 'local-'}timestamp-{_UNITS[kind.unit]}"
        return {"type": "long", "logicalType": name}, lambda value: number(_since_epoch(value, kind.unit))
    raise NotImplementedError(f"Avro has no {kind}")


def _unscaled(value: Decimal, scale: int) -> bytes:
    digits, exponent = value.as_tuple()[1:]
    assert isinstance(exponent, int)
    whole: int = int("".join(map(str, digits))) * 10 ** (exponent + scale) * (-1 if value < 0 else 1)
    return whole.to_bytes(whole.bit_length() // 8 + 1, "big", signed=True)


def _micros_of_day(value: time) -> int:
    return (datetime.combine(date(1970, 1, 1), value, UTC) - _EPOCH) // timedelta(microseconds=1)


def _since_epoch(value: datetime | int, unit: str) -> int:
    if isinstance(value, int):
        return value
    micros = (value.replace(tzinfo=value.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
    return micros // 1000 if unit == "ms" else micros * 1000 if unit == "ns" else micros
