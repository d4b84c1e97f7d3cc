"""What the Delta log says of the files of a table: one row a file, as `may_match` takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from storage.layout.data_file import OURS
from storage.skipping.may_match import columns_of
from storage.skipping.predicate import Path, find_type, type_at
from storage.upstream import translated


def files_of(table: DeltaTable) -> pl.DataFrame:
    """The files of `table`, without reading any of them; memory grows with their number.

    `path` (relative to the table, as the store has it), `size` (bytes), `modified` (milliseconds since 1970),
    `rows` (null where the log does not tell), `ours`, and the structs of the log: `min`, `max`, `null_count`
    and `partition`, where it has them.
    """
    with translated("read the files of the table", table.table_uri):
        actions = pl.DataFrame(table.get_add_actions())
    paths = pl.Series("path", map(unquote, actions["path"]), pl.String)
    kept = [name for name in ("min", "max", "null_count", "partition") if name in actions.columns]
    return actions.select(
        paths,
        pl.col("size_bytes").alias("size"),
        pl.col("modification_time").alias("modified"),
        pl.col("num_records").cast(pl.Int64).alias("rows"),
        pl.col("path").str.contains(OURS).alias("ours"),
        *kept,
    )


def log_statistics(
    files: pl.DataFrame, leaves: Sequence[Path], schema: pl.Schema, *, partitions_only: bool = False
) -> pl.DataFrame:
    """Of the files that `files_of` gave, in their order, `rows` and the bounds and null counts of `leaves`.

    Args:
        files: See there.
        leaves: Which; each gets the columns of its position.
        schema: The columns of the table.
        partitions_only: Whether to tell nothing but partition values.
    """
    columns = [
        one
        for number, path in enumerate(leaves)
        for one in _leaf(files, path, number, schema, partitions_only)
    ]
    return files.select("rows", *columns)


def _leaf(
    files: pl.DataFrame, path: Path, number: int, schema: pl.Schema, partitions_only: bool
) -> Iterator[pl.Expr]:
    dtype, names = type_at(schema, path), columns_of(number)
    if _has(files, "partition", path):
        value = _inside("partition", path).cast(dtype)
        yield from (value.alias(name) for name in names[:2])
        yield pl.when(value.is_null()).then(pl.col("rows")).otherwise(0).alias(names[2])
        return
    for kind, name in zip(("min", "max"), names, strict=False):
        told = _has(files, kind, path) and not partitions_only
        bound = _inside(kind, path).cast(dtype) if told else pl.lit(None, dtype)
        yield _trusted(bound, dtype, upper=kind == "max").alias(name)
    told = _has(files, "null_count", path) and not partitions_only
    yield (_inside("null_count", path) if told else pl.lit(None, pl.Int64)).alias(names[2])


def _trusted(bound: pl.Expr, dtype: pl.DataType, *, upper: bool) -> pl.Expr:
    """The bound as it is in our files; in those of others only where it is one for certain.

    Others leave NaN, which is greater than all, out of the bounds, write decimals as rounded numbers, and cut
    timestamps to milliseconds.
    """
    if isinstance(dtype, pl.Decimal) or (upper and dtype.is_float()):
        return pl.when(pl.col("ours")).then(bound)
    if upper and isinstance(dtype, pl.Datetime):
        return pl.when(pl.col("ours")).then(bound).otherwise(bound.dt.offset_by("1ms"))
    return bound


def _inside(kind: str, path: Path) -> pl.Expr:
    value = pl.col(kind)
    for name in path:
        value = value.struct.field(name)
    return value


def _has(files: pl.DataFrame, kind: str, path: Path) -> bool:
    if kind not in files.columns:
        return False
    dtype = find_type(files.schema, (kind, *path))
    return dtype is not None and not dtype.is_nested()
