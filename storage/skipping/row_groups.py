"""What the footers of Parquet files say of their row groups, as `may_match` takes it: one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa

from storage.skipping.may_match import columns_of
from storage.skipping.predicate import Path


def row_group_statistics(
    fragments: Sequence[Any], leaves: Mapping[Path, pl.DataType], told: pl.DataFrame
) -> pl.DataFrame:
    """Of the row groups of `fragments`: `fragment`, `group`, `rows`, bounds and nulls of `leaves`.

    A column that a file does not have is null in all of its rows.

    Args:
        fragments: `pyarrow.dataset.ParquetFileFragment`s whose footers have been read.
        leaves: With their types in the table.
        told: For each fragment what is known without its footer: bounds and nulls of the partition columns,
            which it does not hold, and in `ours` whether our writer wrote it: others do not tell of NaN.
    """
    return pl.concat([_of_file(number, one, leaves, told[number]) for number, one in enumerate(fragments)])


def spans(schema: pa.Schema) -> dict[Path, range]:
    """Which of the footer's columns each column, and each field inside of structs, takes.

    Positions tell columns apart where names cannot: the footer joins a path with dots, which names may hold.
    """
    found: dict[Path, range] = {}
    width = 0
    for field in schema:
        width += _span((field.name,), field.type, width, found)
    return found


def _span(path: Path, kind: pa.DataType, first: int, found: dict[Path, range]) -> int:
    """How many columns it takes."""
    width = 0 if pa.types.is_nested(kind) else 1
    for position in range(kind.num_fields if pa.types.is_nested(kind) else 0):
        inner = kind.field(position)
        into = found if pa.types.is_struct(kind) else {}
        width += _span((*path, inner.name), inner.type, first + width, into)
    found[path] = range(first, first + width)
    return width


def _of_file(
    number: int, fragment: Any, leaves: Mapping[Path, pl.DataType], told: pl.DataFrame
) -> pl.DataFrame:
    footer, schema = fragment.metadata, fragment.physical_schema
    groups = [footer.row_group(position) for position in range(footer.num_row_groups)]
    rows = pl.Series("rows", [group.num_rows for group in groups], pl.Int64)
    columns = [
        pl.repeat(number, len(groups), dtype=pl.Int64, eager=True).alias("fragment"),
        pl.Series("group", range(len(groups)), pl.Int64),
        rows,
    ]
    positions = spans(schema)
    for leaf, (path, dtype) in enumerate(leaves.items()):
        names = columns_of(leaf)
        if path in positions and (kind := _type_at(schema, path)) is not None:
            chunks = [group.column(positions[path].start).statistics for group in groups]
            columns += _bounds(chunks, kind, dtype, names, trusted=told["ours"].item())
        elif path[0] in schema.names:
            columns += _repeated([None, None, None], dtype, names, len(groups))
        elif told[names[2]].item() is not None:
            nulls = rows if told[names[2]].item() else 0 * rows
            columns += _repeated([told[name].item() for name in names[:2]], dtype, names, len(groups))
            columns.append(nulls.alias(names[2]))
        else:
            columns += _repeated([None, None], dtype, names, len(groups))
            columns.append(rows.alias(names[2]))
    return pl.DataFrame(columns)


def _repeated(
    values: Sequence[Any], dtype: pl.DataType, names: Sequence[str], times: int
) -> Iterator[pl.Series]:
    """Bounds, and where there are three values the null count, the same for all row groups."""
    for value, kind, name in zip(values, (dtype, dtype, pl.Int64()), names, strict=False):
        yield pl.Series(name, [value] * times, kind)


def _bounds(
    told: Sequence[Any], kind: pa.DataType, dtype: pl.DataType, names: Sequence[str], *, trusted: bool
) -> Iterator[pl.Series]:
    decode = _decoder(kind)
    for attribute, name in zip(("min_raw", "max_raw"), names, strict=False):
        known = decode is not None and (trusted or attribute == "min_raw" or not dtype.is_float())
        raw = [
            decode(getattr(one, attribute)) if known and decode and one and one.has_min_max else None
            for one in told
        ]
        physical = _polars_type(kind)
        series = pl.Series(name, raw, _raw_type(physical)) if known else pl.Series(name, raw, dtype)
        yield series.cast(physical, strict=False).cast(dtype, strict=False) if known else series
    counts = [one.null_count if one and one.has_null_count else None for one in told]
    yield pl.Series(names[2], counts, pl.Int64)


def _decoder(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """From what Parquet stores to what a series takes; None where that would not be sure."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _text
    if pa.types.is_decimal(kind):
        return lambda raw: _decimal(raw, kind.scale)
    known = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if known or pa.types.is_date32(kind) or pa.types.is_timestamp(kind):
        return lambda raw: None if isinstance(raw, bytes) else raw
    return None


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:  # cut, or raised, in the middle of a character
        return None


def _decimal(raw: int | bytes, scale: int) -> Decimal:
    unscaled = int.from_bytes(raw, "big", signed=True) if isinstance(raw, bytes) else raw
    return Decimal(f"{unscaled}e{-scale}")


def _polars_type(kind: pa.DataType) -> pl.DataType:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    found = pl.from_arrow(pa.array([], plain))
    assert isinstance(found, pl.Series)
    return found.dtype


def _raw_type(physical: pl.DataType) -> pl.DataType:
    if isinstance(physical, pl.Date):
        return pl.Int32()
    return pl.Int64() if isinstance(physical, pl.Datetime) else physical


def _type_at(schema: pa.Schema, path: Path) -> pa.DataType | None:
    kind = schema.field(path[0]).type
    for name in path[1:]:
        kind = kind.field(name).type
    return None if pa.types.is_nested(kind) else kind
