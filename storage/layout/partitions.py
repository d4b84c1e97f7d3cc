"""Partition values: which can be stored, their text in the Delta log, and the folders of their files.

Delta readers should take the values from the log, but Polars 2.1 takes them from the path, as Hive did;
so the path must tell the same
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md#partition-value-serialization).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast
from urllib.parse import quote

import polars as pl

from config.names import LONGEST_PARTITION_VALUE

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""What stands for null in a path since Hive; Polars takes it for null in the log as well."""

PartitionValues = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring rows of one partition: `rows` of them from row `start` on."""

    start: int
    rows: int
    values: PartitionValues


def storable(frame: pl.DataFrame, partition_by: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Splits off the rows whose partition values no table can hold so that all readers agree.

    These are

    - the empty text, which reads as null in pyarrow and as text elsewhere;
    - the text `__HIVE_DEFAULT_PARTITION__`, which reads as null in Polars;
    - text that takes more than 200 bytes percent-encoded, such as 23 characters of Chinese or 200 letters:
      local folders have no room for it;
    - dates and timestamps outside of the years 1 to 9999.

    Returns:
        The good rows and the bad ones, both in their order, with all columns.
    """
    checks = [check for name in partition_by for check in _checks(frame, name)]
    bad = frame.select(pl.any_horizontal(checks)).to_series() if checks else None
    if bad is None or not bad.any():
        return frame, frame.clear()
    return frame.filter(~bad), frame.filter(bad)


def grouped(
    frame: pl.DataFrame, partition_by: Sequence[str], sort_by: Sequence[pl.Expr] = ()
) -> tuple[pl.DataFrame, list[Run]]:
    """The rows with those of each partition side by side, sorted there, and where each partition begins.

    Rows that `sort_by` does not tell apart stay in the order of arrival; one sort does both. Without
    partition columns all rows are one run. Without an order, rows that come grouped, such as those of a
    stream partitioned by day, are left as they are.
    """
    if sort_by:
        frame = frame.sort([*map(pl.col, partition_by), *sort_by], maintain_order=True)
    if not partition_by or frame.is_empty():
        return frame, [Run(0, frame.height, {})] if frame.height else []
    starts = _starts(frame, partition_by)
    if not sort_by and frame[starts].select(pl.struct(partition_by).n_unique()).item() < len(starts):
        frame = frame.sort(partition_by, maintain_order=True)
        starts = _starts(frame, partition_by)
    return frame, _runs(frame, starts, partition_by)


def folder(values: Mapping[str, str | None]) -> str:
    """The folder of a partition, with a slash at its end; empty without partitions.

    Values are percent-encoded as in a URL, names are not: so Polars reads them, and delta-rs writes them.
    """
    return "".join(f"{name}={_in_path(value)}/" for name, value in values.items())


def partition_texts(keys: pl.DataFrame) -> pl.DataFrame:
    """The text of each partition value as the Delta log holds it; null stays null."""
    return keys.select(_text(name, dtype) for name, dtype in keys.schema.items())


def _checks(frame: pl.DataFrame, name: str) -> Iterator[pl.Expr]:
    """What makes a value of a column bad; never null."""
    values = frame[name]
    if isinstance(values.dtype, pl.String | pl.Categorical):
        text = pl.col(name).cast(pl.String)
        yield text.is_in(["", HIVE_NULL]).fill_null(False)
        # Encoding takes three bytes for one at most, so that hardly any column is looked at twice.
        if 3 * cast("int", values.cast(pl.String).str.len_bytes().max() or 0) > LONGEST_PARTITION_VALUE:
            yield (_encoded_bytes(text) > LONGEST_PARTITION_VALUE).fill_null(False)
    if isinstance(values.dtype, pl.Date | pl.Datetime):
        in_range = pl.col(name).dt.year().is_between(1, 9999).fill_null(False)
        yield pl.col(name).is_not_null() & ~in_range


def _encoded_bytes(text: pl.Expr) -> pl.Expr:
    return 3 * text.str.len_bytes().cast(pl.Int64) - 2 * text.str.count_matches("[A-Za-z0-9_.~-]").cast(
        pl.Int64
    )


def _starts(frame: pl.DataFrame, partition_by: Sequence[str]) -> pl.Series:
    """The rows that are the first, or in another partition than the row before."""
    changes = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in partition_by]
    is_start = pl.any_horizontal(changes) | (pl.int_range(pl.len()) == 0)
    return frame.select(is_start).to_series().arg_true()


def _runs(frame: pl.DataFrame, starts: pl.Series, partition_by: Sequence[str]) -> list[Run]:
    texts = partition_texts(frame.select(partition_by)[starts])
    # row objects allowed: one a partition, not one a row
    bounds, values = [*starts.to_list(), frame.height], texts.iter_rows(named=True)
    return [Run(a, b - a, dict(one)) for (a, b), one in zip(pairwise(bounds), values, strict=True)]


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        # Text without a zone is read in the zone of the reader's session, by Spark at least.
        return pl.col(name).dt.strftime(
            "%Y-%m-%dT%H:%M:%S%.6fZ" if dtype.time_zone else "%Y-%m-%d %H:%M:%S%.6f"
        )
    return pl.col(name).cast(pl.String)


def _in_path(text: str | None) -> str:
    return HIVE_NULL if text is None else quote(text, safe="")
