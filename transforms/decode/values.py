"""Tokens into values: the rule of each column type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

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
    String,
    Time,
    Timestamp,
)
from transforms.decode.arrow import arrow_type, binary_views, booleans, dictionary, fixed_width, string_views
from transforms.decode.kernel.codes import (
    ACCEPTED,
    NO_EPOCH,
    NO_OFFSET,
    OFFSET,
    OFFSET_OR_LOCAL,
    OUT_OF_RANGE,
    PADDING,
    UNPARSABLE,
    UNSURE,
    VALID_LOCAL,
)
from transforms.decode.kernel.library import call

_FIRST_SECOND, _PAST_SECOND = -62_135_596_800, 253_402_300_800  # of the years 0001 to 9999

MOST_DISTINCT = 4096
"""Texts that a dictionary column may have in one step for the kernel to number them; a power of two."""
INLINE = 12
"""Bytes that a text has at most where `text_room` leaves it out."""
FRACTION_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_HALFWAY_TO_INFINITE = 2.0**128 - 2.0**103
"""The double between the largest single and the first number that is beyond all of them."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of one node, a slot each; a span is `data[start:end]`."""

    data: NDArray[np.uint8]
    tags: NDArray[np.uint8]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]

    def spans(self) -> tuple[Any, ...]:
        """What every fill of the kernel takes first."""
        return self.data, len(self.tags), self.tags, self.starts, self.ends

    def at(self, slots: NDArray[np.bool_]) -> Tokens:
        """The tokens of some slots."""
        return Tokens(self.data, self.tags[slots], self.starts[slots], self.ends[slots])


@dataclass(frozen=True)
class Values:
    """An array with a slot a token, null where nothing was found or it was refused; `verdicts` says which."""

    array: pa.Array
    verdicts: NDArray[np.uint8]
    refused: int


def values_of(kind: ColumnType, tokens: Tokens) -> Values:
    """The tokens of a leaf as values of its type; whatever storing would change is refused."""
    valid, verdicts = np.zeros(len(tokens.tags), np.uint8), np.zeros(len(tokens.tags), np.uint8)
    array, refused = _rule(kind)(tokens, valid, verdicts)
    return Values(array, verdicts, refused)


Flags = NDArray[np.uint8]
Rule = Callable[[Tokens, Flags, Flags], tuple[pa.Array, int]]


def _rule(kind: ColumnType) -> Rule:
    match kind:
        case Boolean():
            return _booleans
        case Integer():
            return lambda *slots: _integers(kind, *slots)
        case Float():
            return lambda *slots: _floats(kind, *slots)
        case Decimal():
            return lambda *slots: _decimals(kind, *slots)
        case String():
            return _strings
        case Dictionary():
            return _dictionary
        case Binary():
            return _binary
        case Json():
            return _json
        case Date():
            return _dates
        case Time():
            return _times
        case Timestamp():
            return lambda *slots: _timestamps(kind, *slots)
        case _:
            raise TypeError(f"{kind} is not a leaf")


def _booleans(tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    values = np.zeros(len(valid), np.bool_)
    refused = call("fill_booleans", len(valid), tokens.tags, values, valid, verdicts)
    return booleans(values, valid), refused


def _integers(kind: Integer, tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    low = 1 << (kind.bits - 1) if kind.signed else 0
    high = low - 1 if kind.signed else (1 << kind.bits) - 1
    values = np.zeros(len(valid), np.int64)
    refused = call("fill_integers", *tokens.spans(), low, high, values, valid, verdicts)
    narrow = values.astype(f"{'' if kind.signed else 'u'}int{kind.bits}", copy=False)
    return fixed_width(arrow_type(kind), narrow, valid), refused


def _floats(kind: Float, tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    values = np.zeros(len(valid), np.float64)
    refused = call("fill_floats", *tokens.spans(), values, valid, verdicts)
    if refused:
        unsure = verdicts == UNSURE
        values[unsure] = _nearest(tokens.at(unsure), pl.Float64)
        valid[unsure], verdicts[unsure] = 1, ACCEPTED
    narrow = values if kind.bits == 64 else _singles(values, tokens)
    infinite = np.isinf(narrow)
    valid[infinite], verdicts[infinite] = 0, OUT_OF_RANGE
    return fixed_width(arrow_type(kind), narrow, valid), int(np.count_nonzero(verdicts))


def _singles(values: NDArray[np.float64], tokens: Tokens) -> NDArray[np.float32]:
    """Doubles as the nearest singles of the numbers that they came from.

    Rounding twice is wrong only where the double lies halfway between two singles and the number does not.
    """
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
        other = np.nextafter(narrow, np.where(values > narrow, np.inf, -np.inf).astype(np.float32))
    with np.errstate(invalid="ignore"):
        halfway = (values != narrow) & (values - narrow == other.astype(np.float64) - values)
    halfway |= np.abs(values) == _HALFWAY_TO_INFINITE
    if halfway.any():
        narrow[halfway] = _nearest(tokens.at(halfway), pl.Float32)
    return narrow


def _nearest(numbers: Tokens, kind: type[pl.Float32 | pl.Float64]) -> NDArray[Any]:
    """Polars' reading of number literals; infinite where one is beyond all floats of this kind."""
    array, _ = _json(numbers, np.zeros(len(numbers.tags), np.uint8), np.zeros(0, np.uint8))
    return pl.Series(array).cast(kind).to_numpy()


def _decimals(kind: Decimal, tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    words = np.zeros(2 * len(valid), np.uint64)
    refused = call("fill_decimals", *tokens.spans(), kind.precision, kind.scale, words, valid, verdicts)
    return fixed_width(arrow_type(kind), words, valid), refused


def _dates(tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    days = np.zeros(len(valid), np.int32)
    refused = call("fill_dates", *tokens.spans(), days, valid, verdicts)
    return fixed_width(pa.date32(), days, valid), refused


def _times(tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    microseconds = np.zeros(len(valid), np.int64)
    refused = call("fill_times", *tokens.spans(), microseconds, valid, verdicts)
    return fixed_width(pa.time64("us"), microseconds, valid), refused


def _timestamps(kind: Timestamp, tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    units = np.zeros(len(valid), np.int64)
    digits = FRACTION_DIGITS[kind.unit]
    epoch = NO_EPOCH if kind.epoch is None else FRACTION_DIGITS[kind.epoch]
    refused = call("fill_timestamps", *tokens.spans(), digits, _offsets(kind), epoch, units, valid, verdicts)
    if kind.assume_zone is not None:
        local = valid == VALID_LOCAL
        if local.any():
            refused += _localize(local, kind.assume_zone, digits, units, valid, verdicts)
    return fixed_width(arrow_type(kind), units, valid), refused


def _offsets(kind: Timestamp) -> int:
    if kind.zone is None:
        return NO_OFFSET
    return OFFSET if kind.assume_zone is None else OFFSET_OR_LOCAL


def _localize(
    local: NDArray[np.bool_],
    zone: str,
    digits: int,
    units: NDArray[np.int64],
    valid: Flags,
    verdicts: Flags,
) -> int:
    """What the clock in `zone` showed into UTC; refuses what it never showed, or showed twice.

    And what is before the year 0001 or after 9999 in UTC.
    """
    scale = 10 ** (FRACTION_DIGITS["us"] - digits)
    shown = pl.Series(units[local] * scale).cast(pl.Datetime("us"))
    moments = shown.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    known = moments.is_not_null().to_numpy()
    found = moments.to_physical().fill_null(0).to_numpy() // scale
    there = (found >= _FIRST_SECOND * 10**digits) & (found < _PAST_SECOND * 10**digits)
    units[local] = found
    valid[local] = known & there
    verdicts[local] = np.where(known, np.where(there, ACCEPTED, OUT_OF_RANGE), UNPARSABLE)
    return int(np.count_nonzero(~known | ~there))


def _strings(tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    views, text = _text_room(tokens)
    refused = call("fill_strings", *tokens.spans(), text, views, valid, verdicts)
    return string_views(views, text, valid), refused


def _dictionary(tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    _, *spans = tokens.spans()
    room = call("text_room", *spans) + INLINE * MOST_DISTINCT + PADDING
    text, offsets = np.empty(room, np.uint8), np.zeros(MOST_DISTINCT + 1, np.int64)
    table, numbers = np.zeros(2 * MOST_DISTINCT, np.int64), np.zeros(len(valid), np.int32)
    distinct = call(
        "fill_dictionary", *tokens.spans(), text, offsets, MOST_DISTINCT, table, numbers, valid, verdicts
    )
    if distinct < 0:
        valid[:], verdicts[:] = 0, ACCEPTED
        return _many_distinct(tokens, valid, verdicts)
    offsets = offsets[: distinct + 1].copy()
    array = dictionary(numbers, offsets, text[: offsets[-1]].copy(), valid)
    return array, int(np.count_nonzero(verdicts))


def _many_distinct(tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    texts, refused = _strings(tokens, valid, verdicts)
    encoded = texts.dictionary_encode()
    distinct = encoded.dictionary.cast(pa.large_string())  # pyarrow makes no empty dictionary of views
    return pa.DictionaryArray.from_arrays(encoded.indices, distinct), refused


def _binary(tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    views, data = _text_room(tokens)
    refused = call("fill_binary", *tokens.spans(), data, views, valid, verdicts)
    return binary_views(views, data, valid), refused


def _json(tokens: Tokens, valid: Flags, verdicts: Flags) -> tuple[pa.Array, int]:
    views, text = _text_room(tokens)
    refused = call("fill_json", *tokens.spans(), text, views, valid, verdicts)
    return string_views(views, text, valid), refused


def _text_room(tokens: Tokens) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    _, *spans = tokens.spans()
    room = call("text_room", *spans)
    return np.zeros(2 * len(tokens.tags), np.uint64), np.empty(room + PADDING, np.uint8)
