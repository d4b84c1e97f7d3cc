"""Whether rows behind some statistics may meet a condition: one boolean for each row of a frame of them.

A condition of SQL is true, false or null. For each part two things are asked: may it be true for some row,
and may it be false for some row, so that `not` swaps them. Whatever statistics do not tell may be both.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from polars.exceptions import PolarsError

from storage.skipping.predicate import (
    All,
    Any,
    BeginsWith,
    Compare,
    IsIn,
    IsNull,
    Not,
    Path,
    Predicate,
    Unknown,
)

_Pair = tuple[pl.Expr, pl.Expr]
_MAYBE: _Pair = (pl.lit(True), pl.lit(True))


def columns_of(number: int) -> tuple[str, str, str]:
    """The names of lower bound, upper bound and null count of the leaf with this number."""
    return f"low {number}", f"high {number}", f"nulls {number}"


def may_match(statistics: pl.DataFrame, predicate: Predicate, leaves: Mapping[Path, int]) -> pl.Series:
    """Whether rows may meet `predicate`, a boolean for each row of `statistics`; vectorised.

    Args:
        statistics: A file or a row group each: `rows`, and for each leaf the columns that `columns_of` names.
            Bounds are of the leaf's type, in the order of Polars, where NaN is greater than all; null where
            they are not known, or where all values are null. A null count is null where it is not known.
        predicate: The condition.
        leaves: The number of each leaf that `statistics` tells of; the others are not known.
    """
    expression = _Judge(leaves).pair(predicate)[0]
    try:
        # A condition that Polars cannot compute fails on the rows too, where it is to be told.
        return statistics.with_columns(may=expression)["may"]
    except PolarsError:
        return pl.repeat(True, statistics.height, eager=True)


class _Judge:
    def __init__(self, leaves: Mapping[Path, int]) -> None:
        self._leaves = leaves

    def pair(self, predicate: Predicate) -> _Pair:
        """Whether it may be true, and whether it may be false, for some row; never null."""
        if isinstance(predicate, All):
            pairs = [self.pair(part) for part in predicate.parts]
            return pl.all_horizontal(one[0] for one in pairs), pl.any_horizontal(one[1] for one in pairs)
        if isinstance(predicate, Any):
            pairs = [self.pair(part) for part in predicate.parts]
            return pl.any_horizontal(one[0] for one in pairs), pl.all_horizontal(one[1] for one in pairs)
        if isinstance(predicate, Not):
            true, false = self.pair(predicate.part)
            return false, true
        if isinstance(predicate, Unknown) or predicate.operand.path not in self._leaves:
            return _MAYBE
        names = columns_of(self._leaves[predicate.operand.path])
        nulls = pl.col(names[2])
        if isinstance(predicate, IsNull):
            return (nulls > 0).fill_null(True), _some_value(nulls)
        low, high = (predicate.operand.over(name) for name in names[:2])
        true, false = _judged(predicate, low, high)
        return (
            true.fill_null(True) & _some_value(nulls),
            false.fill_null(True) & _some_value(nulls),
        )


def _some_value(nulls: pl.Expr) -> pl.Expr:
    return (nulls < pl.col("rows")).fill_null(True)


def _judged(predicate: Compare | IsIn | BeginsWith, low: pl.Expr, high: pl.Expr) -> _Pair:
    """For values from `low` to `high`; null where that is not known."""
    if isinstance(predicate, IsIn):
        return _is_in(predicate.values, low, high)
    if isinstance(predicate, BeginsWith):
        prefix, length = predicate.prefix, len(predicate.prefix)
        return (
            (low.str.head(length) <= prefix) & (high >= prefix),
            ~(low.str.starts_with(prefix) & high.str.starts_with(prefix)),
        )
    constant = predicate.constant
    if predicate.operator == "Eq":
        return (low <= constant) & (high >= constant), ~((low == constant) & (high == constant))
    if predicate.operator == "Lt":
        return low < constant, high >= constant
    if predicate.operator == "LtEq":
        return low <= constant, high > constant
    if predicate.operator == "Gt":
        return high > constant, low <= constant
    return high >= constant, low < constant


def _is_in(values: pl.Series, low: pl.Expr, high: pl.Expr) -> _Pair:
    """One of the sorted `values` lies between the bounds; not all rows are one of them."""
    constants = pl.lit(values)
    before = constants.search_sorted(low, "left")
    upto = constants.search_sorted(high, "right")
    known = low.is_not_null() & high.is_not_null()
    some = pl.when(known).then(before < upto)
    return some, ~((low == high) & low.is_in(values.implode()))
