"""What a rule of a column type makes of an Arrow array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from config.column_types import ColumnType
from transforms.decode.arrow import arrow_type, fixed_width
from transforms.decode.kernel.codes import ACCEPTED, TYPE_MISMATCH
from transforms.decode.typed.plain import valid_slots

Verdicts = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Fitted:
    """Values of the column's type, null where there was none or it was refused; None for no refusals."""

    array: pa.Array
    verdicts: Verdicts | None = None


def judged(array: pa.Array, *refusals: tuple[Mask, int]) -> Verdicts | None:
    """A verdict for each value of `array` that a mask holds of; of several, the last. None if none does."""
    if not any(mask.any() for mask, _ in refusals):
        return None
    verdicts = np.zeros(len(array), np.uint8)
    for mask, verdict in refusals:
        verdicts[mask] = verdict
    valid = valid_slots(array)
    if valid is not None:
        verdicts[~valid] = ACCEPTED
    return verdicts if verdicts.any() else None


def fixed(kind: ColumnType, values: NDArray[Any], array: pa.Array, verdicts: Verdicts | None) -> Fitted:
    """Values of a fixed width, made from those of `array` slot by slot."""
    known = valid_slots(array)
    valid = np.ones(len(array), np.bool_) if known is None else known
    if verdicts is not None:
        valid = valid & (verdicts == ACCEPTED)
    return Fitted(fixed_width(arrow_type(kind), np.ascontiguousarray(values), valid), verdicts)


def mismatched(kind: ColumnType, array: pa.Array) -> Fitted:
    """No value of this type fits the column."""
    everywhere = np.ones(len(array), np.bool_)
    return Fitted(pa.nulls(len(array), arrow_type(kind)), judged(array, (everywhere, TYPE_MISMATCH)))


def without(array: pa.Array, verdicts: Verdicts | None) -> Fitted:
    """The same values, null where refused; of a type without children."""
    if verdicts is None:
        return Fitted(array)
    known = valid_slots(array)
    valid = verdicts == ACCEPTED if known is None else known & (verdicts == ACCEPTED)
    bits = np.concatenate([np.zeros(array.offset, np.bool_), valid])
    buffers = [pa.py_buffer(np.packbits(bits, bitorder="little")), *array.buffers()[1:]]
    return Fitted(pa.Array.from_buffers(array.type, len(array), buffers, offset=array.offset), verdicts)
