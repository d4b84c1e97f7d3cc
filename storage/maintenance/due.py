"""Which small files are worth being made one; a function of the list of files, the rules and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl


@dataclass(frozen=True, slots=True)
class Rules:
    """When files are compacted.

    Attributes:
        file_size: Bytes of a file as stored, as it should be; less than half of it is small.
        min_files: Small files of a partition that are worth it.
        settled: How long nothing must have been written.
        by_file: Whether each file settles by itself: for partitions that every batch writes to, which would
            never settle as a whole. Then files that are larger than all smaller ones together wait until
            these have caught up, so that a row is written again as seldom as the table doubles.
        eager: Whether two small files are enough, whatever their sizes.
    """

    file_size: int
    min_files: int
    settled: timedelta
    by_file: bool = False
    eager: bool = False

    @property
    def enough(self) -> int:
        """How many files must come together."""
        return 2 if self.eager else self.min_files

    def is_small(self) -> pl.Expr:
        """Of a file, by its `size`."""
        return pl.col("size") * 2 < self.file_size


@dataclass(frozen=True)
class Due:
    """What is worth being compacted, and what is not, yet.

    Attributes:
        files: Those to be compacted, in the columns of FILES_SCHEMA, by partition and size.
        partitions: With such files.
        small: Small files in the whole table.
        most: Settled small files that are worth being made one, in the partition with most of them.
        unsettled: Partitions that will be due once what was written lately has settled.
    """

    files: pl.DataFrame
    partitions: int
    small: int
    most: int
    unsettled: int


def due(files: pl.DataFrame, rules: Rules, now_ms: int) -> Due:
    """What is due at the moment `now_ms`, milliseconds since 1970-01-01 UTC.

    Args:
        files: All files of the table, as `files_of` gives them.
    """
    latest = now_ms - int(rules.settled.total_seconds() * 1000)
    written = pl.col("modified_ms") if rules.by_file else pl.col("modified_ms").max().over("partition")
    small = files.with_columns(settled=written <= latest).filter(rules.is_small())
    together = _worth_together(small.filter("settled"), rules)
    chosen, later = _enough(together, rules), _enough(_worth_together(small, rules), rules)
    return Due(
        chosen.select(files.columns),
        chosen["partition"].n_unique(),
        small.height,
        max(together.group_by("partition").len()["len"], default=0),
        later.join(chosen, on="partition", how="anti")["partition"].n_unique(),
    )


def _worth_together(small: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Of each partition the smallest files, up to the last one that is no larger than those before it."""
    small = small.sort("partition", "size", "modified_ms", "path")
    if rules.eager or not rules.by_file:
        return small
    before = pl.col("size").cum_sum().over("partition") - pl.col("size")
    position = pl.int_range(pl.len()).over("partition")
    last = pl.when(pl.col("size") <= before).then(position).max().over("partition")
    return small.filter(position <= last)


def _enough(files: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    return files.filter(pl.len().over("partition") >= rules.enough)
