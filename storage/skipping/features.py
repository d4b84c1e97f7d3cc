"""Columns of one version of a table for machine learning: as Arrow, as NumPy, as batches of equal size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from storage.errors import FeatureError
from storage.skipping.feature_columns import (
    FeatureColumn,
    Nulls,
    as_floats,
    feature_column,
    is_number,
    refuse_nulls,
)
from storage.skipping.reader import read_table
from storage.upstream import translated

_ROWS_AT_ONCE: Final = 65_536
"""What a matrix is filled from at a time, so that conversions take no second matrix."""


def read_features(
    uri: str,
    columns: Sequence[str],
    *,
    version: int | None = None,
    where: pl.Expr | None = None,
    nulls: Nulls = "refuse",
) -> Features:
    """Reads `columns` of one version of the table at `uri` into memory; nothing else is read.

    Rows come in no order, but in the same one for all columns. Each column ends in one piece of memory: while
    they are put together, one column after the other, there is that one twice, and no other.

    Args:
        uri: The table's.
        columns: Columns, or dotted paths to fields of structs, which then bear the path as their name.
        version: None for the newest.
        where: Of which rows, as an expression of Polars; partitions, files and row groups are skipped by it.
        nulls: Whether nulls are refused where NumPy is asked for, or become NaN (NaT for times).

    Raises:
        NotFoundError: There is no table, or no such version.
        TableSchemaError: A column is not there.
        StorageError: The table cannot be read.
    """
    reader = read_table(uri, version)
    batches = reader.batches(where, columns)
    with translated("read the table", uri):
        return Features(_one_piece(batches), reader.version, nulls)


def feature_batches(
    uri: str,
    columns: Sequence[str],
    rows: int,
    *,
    version: int | None = None,
    where: pl.Expr | None = None,
    nulls: Nulls = "refuse",
) -> Iterator[FeatureBatch]:
    """As `read_features(…).batches(rows)`, but read as they are drawn: memory is bounded by some row groups.

    Columns of a batch are put together of those that were read: one copy of `rows` rows.

    Args:
        rows: Of each batch; of the last one what is left.

    Raises:
        As `read_features`; FeatureError where a batch is drawn that cannot be handed over.
    """
    _check_rows(rows)
    reader = read_table(uri, version)
    waiting: list[Any] = []
    for batch in reader.batches(where, columns):
        waiting.append(batch)
        while sum(one.num_rows for one in waiting) >= rows:
            table = pa.Table.from_batches(waiting)
            yield from Features(table[:rows].combine_chunks(), reader.version, nulls).batches(rows)
            waiting = table[rows:].to_batches()
    if waiting:
        yield from Features(pa.Table.from_batches(waiting).combine_chunks(), reader.version, nulls).batches(
            rows
        )


@dataclass(frozen=True, slots=True)
class FeatureBatch:
    """Some rows.

    Attributes:
        arrow: A `pyarrow.RecordBatch`, a view into the columns.
        columns: The same rows, as views into `Features.columns()`.
    """

    arrow: Any
    columns: dict[str, NDArray[Any]]


class Features:
    """Columns in memory; NumPy arrays are made of them when they are asked for.

    Args:
        table: A `pyarrow.Table`.
        version: Of the table that they were read from.
        nulls: See `read_features`.
    """

    def __init__(self, table: Any, version: int, nulls: Nulls = "refuse") -> None:
        self.version = version
        self._table = table
        self._nulls = nulls
        self._columns: dict[str, FeatureColumn] | None = None

    def arrow(self) -> Any:
        """The columns as a `pyarrow.Table`, nulls and texts included; no copy."""
        return self._table

    def columns(self) -> dict[str, NDArray[Any]]:
        """Each column as a NumPy array; the memory of `arrow()`, read-only, but for those `copied()` names.

        Copies are made once, and kept.

        Raises:
            FeatureError: A column is of no type that NumPy has, or holds nulls, which are refused.
        """
        return {name: one.values for name, one in self._made().items()}

    def copied(self) -> dict[str, str]:
        """The columns that `columns()` had to copy, and why.

        Raises:
            FeatureError: As there.
        """
        return {name: one.copied for name, one in self._made().items() if one.copied}

    def matrix(self, dtype: DTypeLike = np.float32, order: Literal["C", "F"] = "C") -> NDArray[Any]:
        """All columns side by side, in their order: one allocation, filled column by column; writable.

        Values are rounded to floats as short as asked for, never cut: integers take integers and booleans
        only, in their range.

        Args:
            dtype: Of all columns.
            order: `C`: a row in one piece; `F`: a column in one piece.

        Raises:
            FeatureError: A column holds no numbers, nulls which are refused or which `dtype` does not have,
                or values that it does not have.
        """
        found = np.empty((self._table.num_rows, self._table.num_columns), dtype, order)
        for position, name in enumerate(self._table.column_names):
            column = self._table.column(position)
            self._check(name, column, found.dtype)
            row = 0
            for chunk in column.chunks:
                for first in range(0, len(chunk), _ROWS_AT_ONCE):
                    part = _numbers(name, chunk.slice(first, _ROWS_AT_ONCE))
                    _fill(name, found[row : row + len(part), position], part)
                    row += len(part)
        return found

    def batches(self, rows: int) -> Iterator[FeatureBatch]:
        """The rows in batches of exactly `rows`; the last one holds what is left. No copy but `copied()`.

        Raises:
            FeatureError: As `columns`.
        """
        _check_rows(rows)
        arrays = self.columns()
        table = self._table.combine_chunks()
        for first in range(0, table.num_rows, rows):
            (batch,) = table.slice(first, rows).to_batches()
            yield FeatureBatch(batch, {name: one[first : first + rows] for name, one in arrays.items()})

    def _made(self) -> dict[str, FeatureColumn]:
        if self._columns is None:
            self._columns = {
                name: feature_column(name, self._table.column(position), self._nulls)
                for position, name in enumerate(self._table.column_names)
            }
        return self._columns

    def _check(self, name: str, column: pa.ChunkedArray, dtype: np.dtype[Any]) -> None:
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
        if column.null_count and (self._nulls == "refuse" or dtype.kind != "f"):
            refuse_nulls(name, column.null_count)


def _check_rows(rows: int) -> None:
    if rows < 1:
        raise ValueError(f"a batch has 1 row or more, not {rows}")


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


def _one_piece(batches: Any) -> Any:
    """A table of all batches with each column in one chunk; what it was made of is let go of on the way."""
    waiting: list[list[Any]] = [[] for _ in batches.schema]
    for batch in batches:
        for chunks, column in zip(waiting, batch.columns, strict=True):
            chunks.append(column)
        del batch, column
    columns = []
    for field in batches.schema:
        chunks = waiting.pop(0)
        columns.append(pa.chunked_array(chunks, field.type).combine_chunks())
        del chunks
    return pa.Table.from_arrays(columns, schema=batches.schema)
