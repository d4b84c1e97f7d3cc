"""Arrow values without parts as JSON text, exactly."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from transforms.decode.typed.decimals import LARGEST, exact_decimals
from transforms.decode.typed.plain import BYTES, TEXT, is_bytes, is_text, numbers_of, valid_slots
from transforms.decode.typed.times import DAY

EXACT_INTEGER = 2.0**53
"""From here on a double is a whole number, and its shortest literal need not be all its digits."""
_WHOLE = "^(-?[0-9]+)$"
_TO_ESCAPE = r'["\\\x00-\x1f]'
_SHORT = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CONTROLS = {chr(code): f"\\u{code:04x}" for code in range(0x20)}
_ESCAPES = {"\\": "\\\\", '"': '\\"', **_CONTROLS, **_SHORT}
_NOT_FINITE = {"nan": '"NaN"', "-nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}


def literal(text: str) -> pa.Scalar:
    """A text to be joined with large strings."""
    return pa.scalar(text, TEXT)


def joined(*parts: pa.Array | pa.Scalar) -> pa.Array:
    """The parts of each slot one behind the other; null where one of them is."""
    return pc.binary_join_element_wise(*parts, literal(""))


def in_quotes(text: pa.Array) -> pa.Array:
    """Text that needs no escapes as JSON strings."""
    return joined(literal('"'), text, literal('"'))


def json_string(text: pa.Array) -> pa.Array:
    """Large strings as JSON strings."""
    special = pc.fill_null(pc.match_substring_regex(text, _TO_ESCAPE), False)
    if pc.any(special) == pa.scalar(True):
        few = text.filter(special)
        for character, escape in _ESCAPES.items():
            few = pc.replace_substring(few, character, escape)
        text = pc.replace_with_mask(text, special, few)
    return in_quotes(text)


def scalar_text(array: pa.Array) -> pa.Array:
    """Values as JSON, large strings; null where there is none.

    Numbers are literals, NaN and infinities strings; text, bytes (in base64), dates, times and timestamps
    (RFC 3339, in UTC where they have a zone) strings; durations strings with their unit.
    """
    kind, types = array.type, pa.types
    if is_text(kind):
        return json_string(array.cast(TEXT))
    if is_bytes(kind):
        return in_quotes(pl.Series(array.cast(BYTES)).bin.encode("base64").to_arrow().cast(TEXT))
    if types.is_floating(kind):
        return _floats(array)
    if types.is_timestamp(kind):
        return _timestamps(array)
    if types.is_date64(kind):
        return _long_dates(array)
    if types.is_date(kind) or types.is_time(kind):
        return in_quotes(array.cast(TEXT))
    if types.is_duration(kind):
        return joined(literal('"'), array.cast(pa.int64()).cast(TEXT), literal(f' {kind.unit}"'))
    if types.is_interval(kind):
        return _intervals(array)
    return array.cast(TEXT)


def _floats(array: pa.Array) -> pa.Array:
    """The shortest literals that read back to these numbers, also where integers are read."""
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    array = array.cast(pa.float64())
    text = array.cast(TEXT)
    values = numbers_of(array, "float64")
    large = (np.abs(values) >= EXACT_INTEGER) & (np.abs(values) <= LARGEST)
    if large.any():
        exact, _ = exact_decimals(np.where(large, values, 0))
        text = pc.if_else(pa.array(large), exact.cast(pa.decimal256(38, 0)).cast(TEXT), text)
        text = pc.if_else(array.is_valid(), text, literal_null())
    if (values == np.trunc(values)).any():
        text = pc.replace_substring_regex(text, _WHOLE, r"\1.0")  # a reader may take -0 for the integer 0
    for name, string in _NOT_FINITE.items():
        text = pc.if_else(pc.equal(text, literal(name)), literal(string), text)
    return text


def _timestamps(array: pa.Array) -> pa.Array:
    """Moments; those beyond the years that Arrow can write as their number."""
    # Of moments without a zone: of the others, Arrow writes those beyond its years as the last one within.
    local = array.cast(pa.int64()).cast(pa.timestamp(array.type.unit)).cast(TEXT)
    text = pc.replace_substring_regex(local, r"^([-+0-9]+) ", r"\1T")
    return in_quotes(text if array.type.tz is None else joined(text, literal("Z")))


def _long_dates(array: pa.Array) -> pa.Array:
    """Dates in milliseconds: as dates where they are midnights, else as timestamps."""
    values = numbers_of(array, "int64")
    per_day = DAY * 1000
    midnight = (values % per_day == 0) & (np.abs(values // per_day) < 2**31)
    days = pa.array(np.where(midnight, values // per_day, 0).astype(np.int32)).cast(pa.date32())
    moments = _timestamps(array.cast(pa.int64()).cast(pa.timestamp("ms")))
    text = pc.if_else(pa.array(midnight), in_quotes(days.cast(TEXT)), moments)
    return pc.if_else(array.is_valid(), text, literal_null())


def _intervals(array: pa.Array) -> pa.Array:
    """Months, days and nanoseconds, which lie side by side in 4, 4 and 8 bytes."""
    kind = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    items = np.frombuffer(array.buffers()[1] or b"", kind)[array.offset : array.offset + len(array)]
    months, days, rest = (pa.array(items[name].copy()).cast(TEXT) for name in kind.names or ())
    marks = [literal(mark) for mark in ('{"months":', ',"days":', ',"nanoseconds":', "}")]
    text = joined(marks[0], months, marks[1], days, marks[2], rest, marks[3])
    valid = valid_slots(array)
    return text if valid is None else pc.if_else(pa.array(valid), text, literal_null())


def literal_null() -> pa.Scalar:
    """No text."""
    return pa.scalar(None, TEXT)
