"""Arrow dates, times and timestamps into the columns for them; text by the rules for text in JSON."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from config.column_types import Date, Time, Timestamp
from transforms.decode.arrow import arrow_type
from transforms.decode.kernel.codes import (
    NUMBER,
    OUT_OF_RANGE,
    PRECISION_LOSS,
    TEXT,
    UNPARSABLE,
)
from transforms.decode.typed import plain
from transforms.decode.typed.fitted import Fitted, Mask, Verdicts, fixed, judged, mismatched, without
from transforms.decode.typed.numbers import exact_text, floats_of, integers_of
from transforms.decode.typed.plain import numbers_of
from transforms.decode.typed.text_tokens import read_text

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DAY = 86_400  # seconds
FIRST_DAY, PAST_DAY = -719_162, 2_932_897
"""Days since 1970-01-01 of 0001-01-01 and of 10000-01-01."""


def dates(kind: Date, array: pa.Array) -> Fitted:
    """Days of the years 1 to 9999."""
    if plain.is_text(array.type):
        return read_text(kind, array, TEXT, 1)
    if pa.types.is_date32(array.type):
        return without(array, judged(array, (beyond_years(numbers_of(array, "int32"), 1), OUT_OF_RANGE)))
    if pa.types.is_date64(array.type):
        values = numbers_of(array, "int64")
        per_day = DAY * PER_SECOND["ms"]
        finer, beyond = values % per_day != 0, beyond_years(values, per_day)
        verdicts = judged(array, (finer, PRECISION_LOSS), (beyond, OUT_OF_RANGE))
        return fixed(kind, (values // per_day).astype(np.int32), array, verdicts)
    return mismatched(kind, array)


def times(kind: Time, array: pa.Array) -> Fitted:
    """Microseconds since midnight."""
    if plain.is_text(array.type):
        return read_text(kind, array, TEXT, 1)
    if not pa.types.is_time(array.type):
        return mismatched(kind, array)
    source = PER_SECOND[array.type.unit]
    values = numbers_of(array, f"int{array.type.bit_width}").astype(np.int64, copy=False)
    beyond = (values < 0) | (values >= DAY * source)
    finer, scaled = _scaled(np.where(beyond, 0, values), source, PER_SECOND["us"])
    verdicts = judged(array, (finer, PRECISION_LOSS), (beyond, OUT_OF_RANGE))
    if array.type == arrow_type(kind):
        return without(array, verdicts)
    return fixed(kind, scaled, array, verdicts)


def timestamps(kind: Timestamp, array: pa.Array) -> Fitted:
    """Moments, or what a clock showed where the column has no zone, of the years 1 to 9999 in UTC."""
    types = pa.types
    if plain.is_text(array.type):
        return read_text(kind, array, TEXT, 1)
    if types.is_timestamp(array.type):
        values, local = numbers_of(array, "int64"), array.type.tz is None
        return _moments(kind, array, values, PER_SECOND[array.type.unit], local=local)
    if types.is_date32(array.type):
        return _moments(kind, array, numbers_of(array, "int32").astype(np.int64) * DAY, 1, local=True)
    if types.is_date64(array.type):
        return _moments(kind, array, numbers_of(array, "int64"), PER_SECOND["ms"], local=True)
    if kind.epoch is not None:
        return _since_epoch(kind, array, PER_SECOND[kind.epoch])
    return mismatched(kind, array)


def _since_epoch(kind: Timestamp, array: pa.Array, source: int) -> Fitted:
    """Numbers that count since 1970-01-01T00:00:00Z."""
    if pa.types.is_integer(array.type):
        values = integers_of(array)
        small = np.where(values > np.iinfo(np.int64).max, np.iinfo(np.int64).max, values)
        return _moments(kind, array, small.astype(np.int64), source, local=False)
    if pa.types.is_decimal(array.type):
        return read_text(kind, array.cast(plain.TEXT), NUMBER, 0)
    if pa.types.is_floating(array.type):
        text, fits = exact_text(array)
        read = read_text(kind, text, NUMBER, 0)
        beyond = ~(np.abs(floats_of(array)) < PAST_DAY * DAY * source)
        found = np.zeros(len(array), np.uint8) if read.verdicts is None else read.verdicts
        lossy = (found == PRECISION_LOSS) | ~fits
        verdicts = judged(array, (lossy, PRECISION_LOSS), (beyond | (found == OUT_OF_RANGE), OUT_OF_RANGE))
        return without(read.array, verdicts)
    return mismatched(kind, array)


def _moments(
    kind: Timestamp, array: pa.Array, values: NDArray[np.int64], source: int, *, local: bool
) -> Fitted:
    """Units of which `source` make a second; `local` where they are what a clock showed."""
    if local != (kind.zone is None) and not (local and kind.assume_zone):
        return mismatched(kind, array)
    beyond = beyond_years(values, DAY * source)
    if array.type == arrow_type(kind):
        return without(array, judged(array, (beyond, OUT_OF_RANGE)))
    finer, scaled = _scaled(np.where(beyond, 0, values), source, PER_SECOND[kind.unit])
    verdicts = judged(array, (beyond, OUT_OF_RANGE), (finer, PRECISION_LOSS))
    if local and kind.assume_zone:
        scaled, never = _localized(scaled, kind)
        past = beyond_years(scaled, DAY * PER_SECOND[kind.unit])
        verdicts = _first(verdicts, judged(array, (never, UNPARSABLE), (past, OUT_OF_RANGE)))
    return fixed(kind, scaled, array, verdicts)


def _localized(values: NDArray[np.int64], kind: Timestamp) -> tuple[NDArray[np.int64], Mask]:
    """(what a clock in the assumed zone showed in UTC, where it showed that never or twice)."""
    scale = PER_SECOND["us"] // PER_SECOND[kind.unit]
    shown = pl.Series(values * scale).cast(pl.Datetime("us"))
    moments = shown.dt.replace_time_zone(kind.assume_zone, ambiguous="null", non_existent="null")
    units = moments.to_physical().fill_null(0).to_numpy() // scale
    never: Mask = moments.is_null().to_numpy()
    return units, never


def _first(verdicts: Verdicts | None, later: Verdicts | None) -> Verdicts | None:
    if verdicts is None or later is None:
        return later if verdicts is None else verdicts
    return np.where(verdicts > 0, verdicts, later)


def beyond_years(values: NDArray[np.int32] | NDArray[np.int64], per_day: int) -> Mask:
    """Where a count of parts of a day lies outside the years 1 to 9999."""
    return (values < FIRST_DAY * per_day) | (values >= PAST_DAY * per_day)


def _scaled(values: NDArray[np.int64], source: int, target: int) -> tuple[Mask, NDArray[np.int64]]:
    """(where digits would be lost, the values in units of which `target` make a second)."""
    if source <= target:
        return np.zeros(len(values), np.bool_), values * (target // source)
    step = source // target
    return values % step != 0, values // step
