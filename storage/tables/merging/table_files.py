"""The files of a table in some of its partitions, and which of them can hold a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.layout.partitions import PartitionValues, partition_texts
from storage.tables.log.footers import read_footers
from storage.tables.merging.contenders import Compared
from storage.tables.merging.keys import Value
from storage.tables.merging.scanning import PART, Source
from storage.tables.replacing.replacement import ActiveFile

_CUT: Final = timedelta(milliseconds=1)
"""Some writers cut the bounds of timestamps to milliseconds."""


_NO_FILES: Final = pl.DataFrame(schema={"path": pl.String, "size_bytes": pl.Int64, "num_records": pl.Int64})


class TableFiles:
    """The active files of `table` in `partitions`, numbered; from the log alone.

    Args:
        table: None for no files at all.
        partitions: Their values as the log has them; the position of one is its number.
    """

    def __init__(self, uri: str, table: DeltaTable | None, partitions: Sequence[PartitionValues]) -> None:
        self._uri = uri
        names = table.metadata().partition_columns if table is not None else ()
        actions = pl.DataFrame(pa.table(table.get_add_actions())) if table is not None else _NO_FILES
        self._actions = _in(actions, names, partitions).with_row_index("file")

    def numbers(self) -> list[int]:
        """All of them."""
        return self._actions["file"].to_list()  # row objects allowed: one a file

    def row_count(self) -> int:
        """Of all of them; where the log does not count them, the footers are asked."""
        unknown = self._actions.filter(pl.col("num_records").is_null())["path"]
        asked = sum(footer.rows or 0 for footer in read_footers(self._uri, unknown))
        return int(self._actions["num_records"].sum()) + asked

    def active(self, number: int) -> ActiveFile:
        """One, to be taken out of the table."""
        path, size = self._actions["path"][number], self._actions["size_bytes"][number]
        return ActiveFile(path, size, self._actions["values"][number] or {})

    def path(self, number: int) -> str:
        """Where one lies, relative to the table, as the store has it."""
        return unquote(self._actions["path"][number])

    def counted(self, number: int) -> int:
        """The rows of one."""
        rows: int | None = self._actions["num_records"][number]
        if rows is None:
            rows = next(read_footers(self._uri, [self._actions["path"][number]])).rows
        return rows or 0

    def that_may_hold(self, rows: pl.DataFrame, compared: Compared) -> list[Source]:
        """The files whose bounds leave room for the key of some row of `rows`."""
        files = self._actions.filter(pl.col("part").is_in(rows[PART].unique().implode()))
        for name, value in zip(compared.key_names[1:], compared.keys, strict=True):
            files = pl.concat([files.clear(), *_between(files, rows, name, value)])
        # row objects allowed: one a file
        found = files.select("file", "part", "path").sort("file").iter_rows()
        return [Source(number, part, unquote(path)) for number, part, path in found]


def _in(actions: pl.DataFrame, names: Sequence[str], partitions: Sequence[PartitionValues]) -> pl.DataFrame:
    """`actions` of those partitions, with `part` and, as text, `values`."""
    if not names or actions.is_empty():
        nothing = pl.lit(None, pl.Struct({}))
        return actions.with_columns(part=pl.lit(0, pl.Int32), values=nothing)
    texts = partition_texts(actions["partition"].struct.unnest().select(names))
    wanted = pl.DataFrame(partitions, schema=dict.fromkeys(names, pl.String)).rename(_hidden)
    wanted = wanted.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("part"))
    files = actions.with_columns(values=texts.to_struct()).hstack(texts.rename(_hidden))
    hidden = [_hidden(name) for name in names]
    return files.join(wanted, on=hidden, nulls_equal=True, maintain_order="left").drop(hidden)


def _hidden(name: str) -> str:
    return f"partition {name}"


def _between(files: pl.DataFrame, rows: pl.DataFrame, name: str, value: Value) -> Iterator[pl.DataFrame]:
    """Those of `files` with some value of `rows[name]` within their bounds, partition by partition."""
    low, high = (_bounds(files, side, value) for side in ("min", "max"))
    if low is None or high is None or _unordered(rows[name]):
        yield files
        return
    bounded = files.with_columns(low=low, high=high)
    values = dict(zip(*_by_part(rows, name), strict=True))
    for (part,), some in bounded.partition_by("part", as_dict=True).items():
        there = values[part]
        at_least = there.search_sorted(some["low"], "left")
        beyond = there.search_sorted(some["high"], "right")
        unknown = some["low"].is_null() | some["high"].is_null()
        yield some.filter((beyond > at_least) | unknown).drop("low", "high")


def _by_part(rows: pl.DataFrame, name: str) -> tuple[list[int], list[pl.Series]]:
    parts = rows.select(PART, name).unique().sort(name).partition_by(PART, as_dict=True)
    return [part for (part,) in parts], [one[name] for one in parts.values()]


def _bounds(files: pl.DataFrame, side: str, value: Value) -> pl.Series | None:
    """The least or greatest value by file, null where unknown; None where no file tells."""
    column = files[side] if side in files.columns else None
    for name in value.names:
        if column is None or name not in getattr(column.dtype, "to_schema", dict)():
            return None
        column = column.struct.field(name)
    if column is None or column.dtype.is_nested():
        return None
    if isinstance(column.dtype, pl.Datetime):
        column = column - _CUT if side == "min" else column + _CUT
    return column.cast(value.dtype, strict=False)


def _unordered(values: pl.Series) -> bool:
    """Whether bounds say nothing: types without an order to search, and NaN, which bounds leave out."""
    dtype = values.dtype
    if isinstance(dtype, pl.Boolean | pl.Binary | pl.Categorical | pl.Enum):
        return True
    return dtype.is_float() and bool(values.is_nan().any())
