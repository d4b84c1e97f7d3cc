"""Columns of one version of a table for machine learning: as Arrow, as NumPy, as batches of equal size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from storage.skipping.feature_columns import FeatureColumn, Nulls, feature_column
from storage.skipping.feature_matrix import fill_column
from storage.skipping.reader import read_table
from storage.upstream import translated

_COPIED_AT_ONCE: Final = 2**26


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
            fill_column(name, found[:, position], column, self._nulls)
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


def _check_rows(rows: int) -> None:
    if rows < 1:
        raise ValueError(f"a batch has 1 row or more, not {rows}")


def _one_piece(batches: Any) -> Any:
    """A table of all batches with each column in one chunk; what it was made of is let go of on the way.

    The columns of a batch from elsewhere are let go of together. So they are copied some at a time, and what
    is put together in the end, column by column, are copies of our own.
    """
    schema, some = batches.schema, list[Any]()
    copies: list[list[Any]] = [[] for _ in schema]
    for batch in batches:
        some.append(batch)
        if sum(one.nbytes for one in some) >= _COPIED_AT_ONCE:
            _copy(some, copies)
            some = []
    _copy(some, copies)
    del some, batches
    columns = []
    for field in schema:
        columns.append(pa.chunked_array(copies.pop(0), field.type).combine_chunks())
        pa.default_memory_pool().release_unused()
    return pa.Table.from_arrays(columns, schema=schema)


def _copy(batches: list[Any], copies: list[list[Any]]) -> None:
    if batches:
        for column, chunks in zip(pa.Table.from_batches(batches).columns, copies, strict=True):
            chunks += pa.chunked_array([column.combine_chunks()]).chunks
        pa.default_memory_pool().release_unused()  # else the process keeps about as much again
