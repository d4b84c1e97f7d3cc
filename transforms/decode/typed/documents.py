"""Any Arrow value into a `json` column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from config.column_types import Json
from transforms.decode.arrow import arrow_type
from transforms.decode.kernel.codes import OUT_OF_RANGE
from transforms.decode.typed.fitted import Fitted, Mask, judged, without
from transforms.decode.typed.json_text import json_text
from transforms.decode.typed.json_values import json_values
from transforms.decode.typed.numbers import floats_of
from transforms.decode.typed.plain import (
    JSON,
    branches_of,
    elements_of,
    fields_of,
    is_extension,
    is_list,
    numbers_of,
    plain,
    unencoded,
)
from transforms.decode.typed.times import DAY, PER_SECOND, beyond_years


def documents(kind: Json, array: pa.Array, max_nesting: int) -> Fitted:
    """JSON text as it is where the type says that it is JSON; else the values' own JSON text.

    NaN, infinities, and times and dates outside of the years 1 to 9999 have none.
    """
    array = unencoded(array)
    if is_extension(array.type, JSON):
        return json_values(plain(array), max_nesting)
    text = json_text(array, np.arange(len(array))).cast(arrow_type(kind))
    verdicts = judged(text, (unwritable(array), OUT_OF_RANGE))
    return without(text, verdicts)


def unwritable(array: pa.Array) -> Mask:
    """Where a value, or a part of it, is one that JSON text cannot say."""
    array, types = plain(array), pa.types
    flags = np.zeros(len(array), np.bool_)
    if types.is_struct(array.type):
        for child in fields_of(array):
            flags |= unwritable(child)
    elif is_list(array.type):
        counts, elements = elements_of(array)
        flags[np.repeat(np.arange(len(array)), counts)[unwritable(elements)]] = True
    elif types.is_union(array.type):
        for slots, branch in branches_of(array):
            flags[slots] = unwritable(branch)
    elif types.is_floating(array.type):
        flags = ~np.isfinite(floats_of(array)) & _there(array)
    elif types.is_temporal(array.type) and not types.is_duration(array.type):
        flags = _beyond(array) & _there(array)
    return flags


def _there(array: pa.Array) -> Mask:
    flags: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return flags


def _beyond(array: pa.Array) -> NDArray[np.bool_]:
    kind, types = array.type, pa.types
    if types.is_interval(kind):
        return np.zeros(len(array), np.bool_)
    values = numbers_of(array, f"int{kind.bit_width}")
    if types.is_time(kind):
        return (values < 0) | (values >= DAY * PER_SECOND[kind.unit])
    if types.is_date32(kind):
        return beyond_years(values, 1)
    return beyond_years(values, DAY * (PER_SECOND["ms"] if types.is_date64(kind) else PER_SECOND[kind.unit]))
