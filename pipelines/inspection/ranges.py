"""The ranges of a column, from statistics as `storage.skipping` has them."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from pipelines.inspection.clustering import lookup_reads
from pipelines.inspection.document import Ranges
from pipelines.inspection.places import places
from storage.skipping.may_match import columns_of

_LONGEST_BOUND: Final = 100

Path = tuple[str, ...]
Bounds = tuple[str | None, str | None]


def ranges_of(
    statistics: pl.DataFrame, number: int, path: Path, units: Literal["row groups", "files"]
) -> Ranges:
    """The ranges of the leaf with this number in a frame as `may_match` takes it."""
    low, high, nulls = (statistics[name] for name in columns_of(number))
    known = low.is_not_null() & high.is_not_null() & ~_is_nan(low)
    empty = (nulls == statistics["rows"]).fill_null(False) & ~known
    start, end = places(low.filter(known), high.filter(known))
    end = np.maximum(start, end)
    rows = statistics["rows"].filter(known).fill_null(0).cast(pl.Float64).to_numpy()
    unknown = int((~known & ~empty).sum())
    reads = lookup_reads(start, end, rows)
    return Ranges(
        column=".".join(path),
        type=str(low.dtype),
        units=units,
        total=statistics.height,
        unknown=unknown,
        nothing_but_null=int(empty.sum()),
        low=_shown(low, known),
        high=_shown(high, known),
        start=_spread(start, known),
        end=_spread(end, known),
        lookup_reads=None if reads is None else reads + unknown,
    )


def bounds_of(statistics: pl.DataFrame, number: int) -> Bounds:
    """The least and the greatest value of a leaf, as text; None where they are not known of all rows."""
    low, high, nulls = (statistics[name] for name in columns_of(number))
    empty = (nulls == statistics["rows"]).fill_null(False)
    if ((low.is_null() | high.is_null()) & ~empty).any():
        return None, None
    least, greatest = (
        one.filter(~empty).sort(descending=descending)[:1].cast(pl.String).str.slice(0, _LONGEST_BOUND)
        for one, descending in ((low, False), (high, True))
    )
    return (least[0], greatest[0]) if len(least) else (None, None)


def leaves_of(schema: pa.Schema) -> dict[Path, pl.DataType]:
    """The columns, and fields of structs, whose bounds can be compared; with their types in Polars."""
    return {path: dtype for field in schema for path, dtype in _leaves((), field)}


def _leaves(above: Path, field: Any) -> list[tuple[Path, pl.DataType]]:
    path, kind = (*above, field.name), field.type
    if pa.types.is_struct(kind):
        return [one for number in range(kind.num_fields) for one in _leaves(path, kind.field(number))]
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return [(path, _dtype(plain))] if _has_order(plain) else []


def _has_order(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind)
        or types.is_float32(kind)
        or types.is_float64(kind)
        or types.is_boolean(kind)
        or types.is_decimal128(kind)
        or types.is_date32(kind)
        or types.is_timestamp(kind)
        or str(kind) in ("string", "large_string", "string_view")
    )


def _dtype(kind: pa.DataType) -> pl.DataType:
    found = pl.from_arrow(pa.array([], kind))
    assert isinstance(found, pl.Series)
    return found.dtype


def _is_nan(values: pl.Series) -> pl.Series:
    return values.is_nan().fill_null(False) if values.dtype.is_float() else values.is_null() & False


def _shown(values: pl.Series, known: pl.Series) -> list[str | None]:
    texts = values.cast(pl.String).str.slice(0, _LONGEST_BOUND)
    return [text if is_known else None for text, is_known in zip(texts, known, strict=True)]


def _spread(found: Any, known: pl.Series) -> list[float | None]:
    """A place for each that is known, in order, and None for the others."""
    rest = iter(found)
    return [round(float(next(rest)), 6) if one else None for one in known]
