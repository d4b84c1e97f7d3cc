"""The rule of each column type for Arrow arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
from transforms.decode.arrow import arrow_type
from transforms.decode.kernel.codes import ACCEPTED
from transforms.decode.typed.documents import documents
from transforms.decode.typed.fitted import Fitted, mismatched
from transforms.decode.typed.numbers import decimals, floats, integers
from transforms.decode.typed.plain import looked_up, picked, plain, words_of
from transforms.decode.typed.texts import binaries, dictionaries, strings
from transforms.decode.typed.times import dates, times, timestamps


def fitted(kind: ColumnType, array: pa.Array, max_nesting: int) -> Fitted:
    """The values of a leaf as those of its type; whatever storing would change is refused."""
    words = words_of(array)
    if words is not None and not isinstance(kind, Dictionary):
        return _fitted_words(kind, *_used(*words), max_nesting)
    bare = plain(array)
    if pa.types.is_null(bare.type):
        return Fitted(pa.nulls(len(array), arrow_type(kind)))
    match kind:
        case Json():
            return documents(kind, array, max_nesting)
        case String():
            return strings(kind, array)
        case Dictionary():
            return dictionaries(kind, array)
        case Binary():
            return binaries(kind, bare)
        case _:
            return _numbers_and_times(kind, bare)


def _fitted_words(kind: ColumnType, words: pa.Array, slots: pa.Array, max_nesting: int) -> Fitted:
    """Fits the words of a dictionary once, so that its size and not the number of its uses is what counts."""
    once = fitted(kind, words, max_nesting)
    array = looked_up(once.array, slots)
    if once.verdicts is None or len(words) == 0:
        return Fitted(array)
    known = slots.is_valid().to_numpy(zero_copy_only=False)
    of_slots = once.verdicts[pc.fill_null(slots, 0).to_numpy(zero_copy_only=False)]
    verdicts = np.where(known, of_slots, np.uint8(ACCEPTED))
    return Fitted(array, verdicts if verdicts.any() else None)


def _used(words: pa.Array, slots: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The words that are used, where a batch has but a few of them."""
    if len(words) <= len(slots):
        return words, slots
    used = pc.unique(slots.drop_null())
    return picked(words, used), pc.index_in(slots, used)


def _numbers_and_times(kind: ColumnType, array: pa.Array) -> Fitted:
    match kind:
        case Boolean():
            return Fitted(array) if pa.types.is_boolean(array.type) else mismatched(kind, array)
        case Integer():
            return integers(kind, array)
        case Float():
            return floats(kind, array)
        case Decimal():
            return decimals(kind, array)
        case Date():
            return dates(kind, array)
        case Time():
            return times(kind, array)
        case Timestamp():
            return timestamps(kind, array)
        case _:
            raise TypeError(f"{kind} is not a leaf")
