"""Partition values: which can be stored, their text in the Delta log, and the folders of their files.

Readers take the values from the log, never from a path, so that a folder needs to be harmless only
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md#partition-value-serialization).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""What stands for null in a path since Hive; Polars takes it for null in the log as well."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Text that is the same in a path, in a URL, and after any number of escapings; so without a colon."""

PartitionValues = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring rows of one partition: `rows` of them from row `start` on."""

    start: int
    rows: int
    values: PartitionValues


def storable(frame: pl.DataFrame, partition_by: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Splits off the rows whose partition values no table can hold so that all readers agree.

    These are the empty text, which reads as null in pyarrow and as text elsewhere; the text
    `__HIVE_DEFAULT_PARTITION__`, which reads as null in Polars; and dates and timestamps outside of the
    years 1 to 9999.

    Returns:
        The good rows and the bad ones, both in their order, with all columns.
    """
    checks = [check for name in partition_by for check in _checks(name, frame.schema[name])]
    bad = frame.select(pl.any_horizontal(checks)).to_series() if checks else None
    if bad is None or not bad.any():
        return frame, frame.clear()
    return frame.filter(~bad), frame.filter(bad)


def grouped(frame: pl.DataFrame, partition_by: Sequence[str]) -> tuple[pl.DataFrame, list[Run]]:
    """The rows with those of each partition side by side, in the order of arrival, and where each begins.

    Without partition columns all rows are one run. Rows that come grouped, such as those of a stream
    partitioned by day, are not sorted.
    """
    if not partition_by or frame.is_empty():
        return frame, [Run(0, frame.height, {})] if frame.height else []
    starts = _starts(frame, partition_by)
    if frame[starts].select(pl.struct(partition_by).n_unique()).item() < len(starts):
        frame = frame.sort(partition_by, maintain_order=True)
        starts = _starts(frame, partition_by)
    return frame, _runs(frame, starts, partition_by)


def folder(values: Mapping[str, str | None]) -> str:
    """The folder of a partition, relative to the table, with a slash at its end; empty without partitions.

    Text that is not plain, and names likewise, are replaced by a hash: `col=_0123456789abcdef/`.
    """
    return "".join(f"{_plain_name(name)}={_plain_value(value)}/" for name, value in values.items())


def _checks(name: str, dtype: pl.DataType) -> Iterator[pl.Expr]:
    """What makes a value bad; never null."""
    if isinstance(dtype, pl.String):
        yield pl.col(name).is_in(["", HIVE_NULL]).fill_null(False)
    if isinstance(dtype, pl.Date | pl.Datetime):
        in_range = pl.col(name).dt.year().is_between(1, 9999).fill_null(False)
        yield pl.col(name).is_not_null() & ~in_range


def _starts(frame: pl.DataFrame, partition_by: Sequence[str]) -> pl.Series:
    """The rows that are the first, or in another partition than the row before."""
    changes = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in partition_by]
    is_start = pl.any_horizontal(changes) | (pl.int_range(pl.len()) == 0)
    return frame.select(is_start).to_series().arg_true()


def _runs(frame: pl.DataFrame, starts: pl.Series, partition_by: Sequence[str]) -> list[Run]:
    keys = frame.select(partition_by)[starts]
    texts = keys.select(_text(name, keys.schema[name]) for name in partition_by)
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


def _plain_name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f"c{_hash(name)}"


def _plain_value(value: str | None) -> str:
    if value is None:
        return HIVE_NULL
    return value if _PLAIN.fullmatch(value) else f"_{_hash(value)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
