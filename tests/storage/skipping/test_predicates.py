"""What statistics prove: one condition each, over files of known bounds."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from storage.skipping.may_match import columns_of, may_match
from storage.skipping.parsing import understood
from storage.skipping.predicate import UNKNOWN, operands

SCHEMA = pl.Schema(
    {
        "i": pl.Int64(),
        "f": pl.Float64(),
        "t": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "yes": pl.Boolean(),
        "s": pl.Struct({"x": pl.Int64(), "l": pl.List(pl.Int64())}),
    }
)
LOW = {
    "i": 10, "f": 1.5, "t": "bar", "at": dt.datetime(2026, 1, 5, tzinfo=dt.UTC), "yes": False, "s.x": 10
}  # fmt: skip
HIGH = {
    "i": 20, "f": 2.5, "t": "foo", "at": dt.datetime(2026, 1, 6, 3, tzinfo=dt.UTC), "yes": False, "s.x": 20
}  # fmt: skip


def may(where: str | pl.Expr, *, nulls: int | None = 0, bounds: bool = True) -> bool:
    """Whether a file of ten rows with these bounds in each column may hold matches."""
    predicate = understood(pl.sql_expr(where) if isinstance(where, str) else where, SCHEMA)
    leaves = {one.path: number for number, one in enumerate(operands(predicate))}
    columns = {"rows": pl.Series([10], dtype=pl.Int64)}
    for path, number in leaves.items():
        dtype = pl.Int64() if len(path) > 1 else SCHEMA[path[0]]
        low, high, count = columns_of(number)
        columns[low] = pl.Series([LOW[".".join(path)] if bounds else None], dtype=dtype)
        columns[high] = pl.Series([HIGH[".".join(path)] if bounds else None], dtype=dtype)
        columns[count] = pl.Series([nulls], dtype=pl.Int64)
    return bool(may_match(pl.DataFrame(columns), predicate, leaves).item())


EXCLUDED = [
    "i = 9", "i = 21", "21 <= i", "i < 10", "10 > i", "i > 20", "i <= 9.5", "i between 21 and 30",
    "i not between 0 and 30", "i in (1, 9, 21)", "i is null", "not i <= 20", "not (i >= 10 or t = 'x')",
    "i is not distinct from 9", "i is not distinct from null", "i = 15 and t < 'bar'", "i = 9 or f > 2.5",
    "t like 'g%'", "t like 'ba%' and t like 'z%'", "t > 'foo'", "starts_with(t, 'fooo')", "f > 2.5",
    "f < 1.5", "at < timestamptz '2026-01-05 00:00:00'", "cast(at as date) = date '2026-01-07'",
    "cast(at as date) < date '2026-01-05'", "yes", "not (not yes)", "s.x = 9", "s.x in (1, 2)",
    "s.x is null", "cast(i as double) > 20.5", "i <> 15 and i = 30",
]  # fmt: skip
POSSIBLE = [
    "i = 10", "i = 20", "i = 15", "i <> 15", "not i = 15", "i < 11", "i >= 20", "i in (1, 15)",
    "i is not null", "i = 9 or t = 'car'", "t like 'b%'", "t like 'fo%'", "t like '%r'",
    "not t like 'g%'", "f > 2.4", "cast(at as date) = date '2026-01-06'", "not yes", "s.x = 15",
    "i % 100 = 99", "i = s.x", "upper(t) = 'X'", "i = 9 or i % 100 = 99", "not (i = 9 and i % 100 = 99)",
    "i is not distinct from 15", "length(t) > 99", "s.x + 0 = 99", "cast(t as bigint) = 5", "s is null",
    "s.l is null", "i in (99, null)", "i is distinct from 15",
]  # fmt: skip


@pytest.mark.parametrize("where", EXCLUDED)
def test_judge_a_condition_that_bounds_exclude_skips(where: str) -> None:
    assert not may(where)


@pytest.mark.parametrize("where", [*POSSIBLE, *(f"not ({one})" for one in EXCLUDED)])
def test_judge_a_condition_that_may_hold_reads(where: str) -> None:
    assert may(where)


@pytest.mark.parametrize("where", [one for one in EXCLUDED if "null" not in one])
def test_judge_without_bounds_reads(where: str) -> None:
    assert may(where, bounds=False)


def test_judge_by_null_counts_alone() -> None:
    assert may("i is null", nulls=1)
    assert may("i is null", nulls=None)
    assert not may("i is not null", nulls=10)
    assert not may("i = 15", nulls=10, bounds=False)
    assert not may("not i = 15", nulls=10, bounds=False)
    assert may("i = 15 or i is null", nulls=10, bounds=False)


def test_judge_equal_bounds_proves_that_none_differs() -> None:
    assert not may(pl.col("yes").eq(True))
    assert not may(pl.col("yes").ne(False))
    assert may(pl.col("yes").ne(False), nulls=None, bounds=False)


def test_judge_a_cast_that_makes_nulls_or_wraps_reads() -> None:
    small = pl.col("i").cast(pl.Int8, strict=False)

    for where in (small.is_null(), ~small.is_not_null(), small.eq_missing(pl.lit(None, pl.Int8))):
        assert may(where)
    assert may(pl.col("i").cast(pl.Int8, wrap_numerical=True) < 0)
    assert not may(small < 0)


def test_judge_a_list_that_null_is_not_in_reads_nulls() -> None:
    for where in (pl.col("i").is_in([15], nulls_equal=True), pl.col("i").is_in([9], nulls_equal=True)):
        assert may(~where, nulls=10, bounds=False)
        assert not may(where, nulls=10, bounds=False)
    assert may(pl.col("i").is_in([15, None], nulls_equal=True), nulls=10, bounds=False)


def test_judge_values_that_json_cannot_hold() -> None:
    assert not may(pl.col("f") > float("inf"))
    assert may(pl.col("f") < float("nan"))
    assert not may(pl.col("f") == float("nan"))
    assert not may(pl.col("f") < float("-inf"))
    assert not may(pl.col("at").eq_missing(pl.lit(2**60).cast(pl.Datetime("us", "UTC"))))


@pytest.mark.parametrize(
    "where",
    [
        pl.col("i").max() > 3,
        pl.col("nope") == 1,
        pl.col("i").map_elements(bool, return_dtype=pl.Boolean),
        pl.lit(True),
    ],
)
def test_judge_what_is_no_condition_on_a_row_knows_nothing(where: pl.Expr) -> None:
    assert understood(where, SCHEMA) == UNKNOWN
