"""A column of Arrow as an array of NumPy: the same memory where both have the same form for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from storage.errors import FeatureError

Nulls = Literal["refuse", "nan"]

_EXACT: Final = 2**53
"""Up to here float64 holds all whole numbers."""


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """A column for NumPy.

    Attributes:
        values: One a row. Read-only where it is the memory of Arrow.
        copied: Why it is a copy; None where it is none.
    """

    values: NDArray[Any]
    copied: str | None


def feature_column(name: str, column: pa.ChunkedArray, nulls: Nulls) -> FeatureColumn:
    """The values of `column` as NumPy has them; a copy only where there is no other way.

    Numbers, timestamps (`datetime64`, of zones in UTC) and durations are the same memory. Copied are booleans
    (bits in Arrow), dates (32 bits in Arrow), decimals (to the nearest float64), columns with nulls, and
    columns in several chunks.

    Args:
        name: For errors.
        column: Of any type.
        nulls: `nan` for NaN, of integers and booleans as float64; NaT for times.

    Raises:
        FeatureError: The type is none of these; there are nulls, which are refused; or integers of a column
            with nulls that float64 does not hold.
    """
    kind = column.type
    check_type(name, kind)
    if column.null_count:
        return FeatureColumn(_without_nulls(name, column, nulls), f"{column.null_count} nulls")
    if pa.types.is_boolean(kind):
        return FeatureColumn(column.to_numpy(), "booleans are bits in Arrow")
    if pa.types.is_decimal(kind):
        return FeatureColumn(column.cast(pa.float64()).to_numpy(), "decimals as the nearest float64")
    if pa.types.is_date(kind):
        return FeatureColumn(column.to_numpy(), "dates are shorter in Arrow")
    if column.num_chunks > 1:
        return FeatureColumn(column.to_numpy(), f"{column.num_chunks} chunks")
    chunk = column.chunk(0) if column.num_chunks else pa.array([], kind)
    return FeatureColumn(chunk.to_numpy(zero_copy_only=True), None)


def is_number(kind: pa.DataType) -> bool:
    """Whether values of this type are numbers, or booleans."""
    types = pa.types
    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)
    )


def check_type(name: str, kind: pa.DataType) -> None:
    """Whether NumPy has a type for it.

    Raises:
        FeatureError: It has not.
    """
    types = pa.types
    if not (is_number(kind) or types.is_timestamp(kind) or types.is_duration(kind) or types.is_date(kind)):
        raise FeatureError(
            "the column holds no numbers",
            where=name,
            got=kind,
            expected="integers, floats, decimals, booleans, dates, timestamps or durations",
            next_step="leave it out, or take it from arrow() and encode it",
        )


def refuse_nulls(name: str, count: int) -> None:
    """Raises the error for a column with nulls that are refused."""
    raise FeatureError(
        "the column holds nulls",
        where=name,
        got=f"{count} nulls",
        expected="a value in each row",
        next_step=f'leave these rows out with where=pl.col("{name}").is_not_null(), or give nulls="nan"',
    )


def _without_nulls(name: str, column: pa.ChunkedArray, nulls: Nulls) -> NDArray[Any]:
    if nulls == "refuse":
        refuse_nulls(name, column.null_count)
    if not is_number(column.type):
        return np.asarray(column.to_numpy())  # NaT
    return as_floats(name, column)


def as_floats(name: str, column: Any) -> NDArray[Any]:
    """Numbers as float64, or as the floats that they are; NaN for nulls.

    Raises:
        FeatureError: There are integers that float64 does not hold.
    """
    kind = column.type
    if pa.types.is_floating(kind):
        return np.asarray(column.to_numpy(**_copying(column)))
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif pa.types.is_integer(kind):
        _check_exact(name, column)
    floats = column.cast(pa.float64(), safe=False)
    return np.asarray(floats.to_numpy(**_copying(floats)))


def _copying(column: Any) -> dict[str, bool]:
    return {} if isinstance(column, pa.ChunkedArray) else {"zero_copy_only": False}


def _check_exact(name: str, column: Any) -> None:
    ends = pc.min_max(column)
    for end in (ends["min"], ends["max"]):
        if end.is_valid and abs(int(end.as_py())) > _EXACT:  # row objects allowed: two bounds
            raise FeatureError(
                "the column holds nulls and integers that float64 does not hold",
                where=name,
                got=str(end),
                expected=f"no more than {_EXACT} beside nulls",
                next_step="leave the rows with nulls out, or the column",
            )
