"""A column of a matrix, filled from a column of Arrow: rounded where floats are asked for, never cut."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage.errors import FeatureError
from storage.skipping.feature_columns import Nulls, as_floats, is_number, refuse_nulls

_ROWS_AT_ONCE: Final = 65_536
"""What a matrix is filled from at a time, so that conversions take no second matrix."""


def fill_column(name: str, target: NDArray[Any], column: pa.ChunkedArray, nulls: Nulls) -> None:
    """Puts the values of `column` into `target`, which has their number.

    Raises:
        FeatureError: They are no numbers, or `target` cannot hold them.
    """
    _check(name, column, target.dtype, nulls)
    row = 0
    for chunk in column.chunks:
        for first in range(0, len(chunk), _ROWS_AT_ONCE):
            part = _numbers(name, chunk.slice(first, _ROWS_AT_ONCE))
            _fill(name, target[row : row + len(part)], part)
            row += len(part)


def _check(name: str, column: pa.ChunkedArray, dtype: np.dtype[Any], nulls: Nulls) -> None:
    kind = column.type
    whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if not is_number(kind) or (dtype.kind != "f" and not whole):
        raise FeatureError(
            "the column does not fit into the matrix",
            where=name,
            got=kind,
            expected=f"what {dtype} holds",
            next_step="leave it out, or ask for a matrix of floats",
        )
    if column.null_count and (nulls == "refuse" or dtype.kind != "f"):
        refuse_nulls(name, column.null_count)


def _numbers(name: str, part: Any) -> NDArray[Any]:
    if part.null_count or pa.types.is_decimal(part.type):
        return as_floats(name, part)
    return np.asarray(part.to_numpy(zero_copy_only=False))


def _fill(name: str, target: NDArray[Any], part: NDArray[Any]) -> None:
    """Rounds floats; refuses those that would become infinite, and integers out of range."""
    dtype = target.dtype
    if dtype.kind != "f" and len(part) and not np.can_cast(part.dtype, dtype):
        _check_range(name, int(part.min()), int(part.max()), dtype)
    try:
        with np.errstate(over="raise"):
            target[:] = part
    except FloatingPointError as error:
        raise _out_of_range(name, f"{np.nanmin(part)} to {np.nanmax(part)}", str(dtype)) from error


def _check_range(name: str, low: int, high: int, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "iu":
        raise _out_of_range(name, f"{low} to {high}", str(dtype))
    most = np.iinfo(dtype)
    if low < most.min or high > most.max:
        raise _out_of_range(name, f"{low} to {high}", f"{most.min} to {most.max}, as {dtype}")


def _out_of_range(name: str, got: str, expected: str) -> FeatureError:
    what = "the column holds values that the matrix cannot hold"
    return FeatureError(what, where=name, got=got, expected=expected, next_step="ask for a longer dtype")
