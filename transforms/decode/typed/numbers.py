"""Arrow numbers into number columns: wider types take all values, narrower ones those they hold exactly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from config.column_types import Decimal, Float, Integer
from transforms.decode.arrow import arrow_type
from transforms.decode.kernel.codes import INTEGER, NUMBER, OUT_OF_RANGE, PRECISION_LOSS, TYPE_MISMATCH
from transforms.decode.typed.decimals import LARGEST, as_widest, exact_decimals
from transforms.decode.typed.fitted import Fitted, Mask, fixed, judged, mismatched, without
from transforms.decode.typed.plain import TEXT, numbers_of
from transforms.decode.typed.text_tokens import read_text


def integers(kind: Integer, array: pa.Array) -> Fitted:
    """Integers, and numbers whose value is integral, in range."""
    if array.type == arrow_type(kind):
        return Fitted(array)
    if pa.types.is_integer(array.type):
        low, high = bounds(kind)
        least, greatest = bounds_of(array.type)
        if low <= least and greatest <= high:
            return Fitted(array.cast(arrow_type(kind)))
        values = integers_of(array)
        beyond = judged(array, ((values < low) | (values > high), OUT_OF_RANGE))
        return fixed(kind, values.astype(_name(kind)), array, beyond)
    if pa.types.is_floating(array.type):
        return _floats_to_integers(kind, array)
    if pa.types.is_decimal(array.type):
        return read_text(kind, array.cast(TEXT), NUMBER, 0)
    return mismatched(kind, array)


def floats(kind: Float, array: pa.Array) -> Fitted:
    """Finite numbers that a float of this width holds exactly."""
    if pa.types.is_floating(array.type):
        return _floats_to_floats(kind, array)
    if pa.types.is_integer(array.type):
        values = integers_of(array)
        narrow = values.astype(f"float{kind.bits}")
        return fixed(kind, narrow, array, judged(array, (~_holds(narrow, values), PRECISION_LOSS)))
    if pa.types.is_decimal(array.type):
        return _decimals_to_floats(kind, array)
    return mismatched(kind, array)


def decimals(kind: Decimal, array: pa.Array) -> Fitted:
    """Numbers whose digits all find a place."""
    if pa.types.is_integer(array.type):
        return _scaled(kind, array, len(str(bounds_of(array.type)[1])), 0)
    if pa.types.is_decimal(array.type):
        return _scaled(kind, array, array.type.precision - array.type.scale, array.type.scale)
    if pa.types.is_floating(array.type):
        return _floats_to_decimals(kind, array)
    return mismatched(kind, array)


def bounds(kind: Integer) -> tuple[int, int]:
    """The least and the greatest integer of a type."""
    return (-(1 << (kind.bits - 1)), (1 << (kind.bits - 1)) - 1) if kind.signed else (0, (1 << kind.bits) - 1)


def bounds_of(kind: pa.DataType) -> tuple[int, int]:
    """The like for an Arrow type."""
    return bounds(Integer(kind.bit_width, pa.types.is_signed_integer(kind)))


def integers_of(array: pa.Array) -> NDArray[np.int64] | NDArray[np.uint64]:
    """The items of an array of integers, in 64 bits."""
    wide = "int64" if pa.types.is_signed_integer(array.type) or array.type.bit_width < 64 else "uint64"
    return numbers_of(array, str(array.type)).astype(wide, copy=False)


def floats_of(array: pa.Array) -> NDArray[np.float64]:
    """The items of an array of floats as doubles, which hold them all."""
    with np.errstate(invalid="ignore"):
        return numbers_of(array, f"f{array.type.bit_width // 8}").astype(np.float64, copy=False)


def exact_text(array: pa.Array) -> tuple[pa.Array, Mask]:
    """(floats as the decimals that they are, where they have at most 38 digits on each side of the point)."""
    values = floats_of(array)
    exact, fits = exact_decimals(np.where(np.isfinite(values), values, 0))
    return pc.if_else(array.is_valid(), exact.cast(TEXT), pa.scalar(None, TEXT)), fits


def _name(kind: Integer) -> str:
    return f"{'' if kind.signed else 'u'}int{kind.bits}"


def _floats_to_integers(kind: Integer, array: pa.Array) -> Fitted:
    values = floats_of(array)
    low, high = bounds(kind)
    beyond = ~((values >= float(low)) & (values < float(high + 1)))  # both are powers of two, or 0
    broken = np.isfinite(values) & (values != np.trunc(values))
    verdicts = judged(array, (beyond, OUT_OF_RANGE), (broken, TYPE_MISMATCH))
    whole = np.where(beyond, 0, values)
    return fixed(kind, whole.astype(_name(kind)), array, verdicts)


def _floats_to_floats(kind: Float, array: pa.Array) -> Fitted:
    values = floats_of(array)
    finite = np.isfinite(values)
    if array.type == arrow_type(kind):
        return without(array, None if finite.all() else judged(array, (~finite, OUT_OF_RANGE)))
    with np.errstate(over="ignore"):
        narrow = values.astype(f"float{kind.bits}")
    verdicts = judged(array, (narrow != values, PRECISION_LOSS), (~np.isfinite(narrow), OUT_OF_RANGE))
    return fixed(kind, narrow, array, verdicts)


def _holds(narrow: NDArray[np.float64], values: NDArray[np.int64] | NDArray[np.uint64]) -> Mask:
    """Where a float is the integer that it was made from."""
    inside = narrow < 2.0 ** (63 if values.dtype.kind == "i" else 64)
    same: Mask = inside & (np.where(inside, narrow, 0).astype(values.dtype) == values)
    return same


def _scaled(kind: Decimal, array: pa.Array, before: int, after: int) -> Fitted:
    """Exact numbers with at most so many digits before and after the point."""
    if kind.scale >= after >= 0 and kind.precision - kind.scale >= before:
        return Fitted(array.cast(arrow_type(kind)))
    return read_text(kind, array.cast(TEXT), INTEGER if pa.types.is_integer(array.type) else NUMBER, 0)


def _decimals_to_floats(kind: Float, array: pa.Array) -> Fitted:
    read = read_text(kind, array.cast(TEXT), NUMBER, 0)
    nearest = floats_of(read.array)
    exact, fits = exact_decimals(np.where(read.array.is_valid(), nearest, 0))
    same = pc.fill_null(pc.equal(exact, as_widest(array)), False).to_numpy(zero_copy_only=False)
    lossy = judged(read.array, (~(fits & same), PRECISION_LOSS))
    if lossy is None:
        return read
    verdicts = lossy if read.verdicts is None else np.where(read.verdicts > 0, read.verdicts, lossy)
    return without(read.array, verdicts)


def _floats_to_decimals(kind: Decimal, array: pa.Array) -> Fitted:
    text, fits = exact_text(array)
    read = read_text(kind, text, NUMBER, 0)
    values = floats_of(array)
    found = np.zeros(len(array), np.uint8) if read.verdicts is None else read.verdicts
    refusals = [(found == verdict, int(verdict)) for verdict in np.unique(found[found > 0])]
    beyond = ~(np.abs(values) <= LARGEST)
    verdicts = judged(array, *refusals, (~fits, PRECISION_LOSS), (beyond, OUT_OF_RANGE))
    return without(read.array, verdicts)
