"""The rows of a batch that are left when those with the same key are down to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from storage.layout.partition_files import beside
from storage.tables.merging.keys import Value
from storage.tables.merging.rule import ARRIVAL, MergeRule
from storage.tables.merging.scanning import FILE, PART, PLACE, Source, scans
from storage.upstream import translated


@dataclass(frozen=True)
class Compared:
    """The values by which rows are compared, as columns `k0`, `k1` … and `o0`, `o1` …."""

    keys: Sequence[Value]
    orders: Sequence[Value]

    @property
    def key_names(self) -> list[str]:
        """Of the key, partition first."""
        return [PART, *(f"k{number}" for number in range(len(self.keys)))]

    @property
    def order_names(self) -> list[str]:
        """Of the order."""
        return [f"o{number}" for number in range(len(self.orders))]

    def columns(self) -> pl.Schema:
        """What must be read for them."""
        merged: dict[str, pl.DataType] = {}
        for value in (*self.keys, *self.orders):
            name, dtype = value.column()
            merged[name] = _both(merged[name], dtype) if name in merged else dtype
        return pl.Schema(merged)

    def of(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """`PART`, `FILE`, `ROW`, and the values."""
        names = (*self.key_names[1:], *self.order_names)
        values = zip(names, (*self.keys, *self.orders), strict=True)
        return rows.select(PART, *PLACE, *(value.expression.alias(name) for name, value in values))

    def in_share(self, share: tuple[int, int]) -> pl.Expr:
        """Whether a row belongs to share i of n: rows with one key do so together."""
        number, shares = share
        return pl.struct(self.key_names).hash() % shares == number


def contenders(
    uri: str, staged: Sequence[Source], compared: Compared, rule: MergeRule, share: tuple[int, int] = (0, 1)
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row for each key of the staged files, and the places of all others; eager, on keys alone.

    Args:
        staged: In the order in which they were written.
        share: Of the keys (`Compared.in_share`).
    """
    rows = _keys(uri, staged, compared, share)
    doubled = rows.select(pl.struct(compared.key_names).is_duplicated()).to_series()
    if not doubled.any():
        return rows, rows.select(PLACE).clear()
    doubles = _in_order(uri, staged, rows.filter(doubled), compared, rule)
    keep: Literal["first", "last"] = "first" if rule.mode == "insert_new" else "last"
    best = doubles.unique(compared.key_names, keep=keep, maintain_order=True)
    others = doubles.select(PLACE).join(best.select(PLACE), on=PLACE, how="anti")
    return pl.concat([rows.filter(~doubled), best.select(rows.columns)]), others


def _keys(uri: str, staged: Sequence[Source], compared: Compared, share: tuple[int, int]) -> pl.DataFrame:
    found = []
    with translated("read staged files", uri):
        for rows in scans(uri, staged, compared.columns()):
            some = compared.of(rows)
            some = some.filter(compared.in_share(share)) if share[1] > 1 else some
            found.append(some.collect(engine="streaming"))
    return pl.concat(found)


def _in_order(
    uri: str, staged: Sequence[Source], doubles: pl.DataFrame, compared: Compared, rule: MergeRule
) -> pl.DataFrame:
    """Rows from the oldest to the newest; null is the oldest."""
    if not rule.is_sorted:
        return doubles.sort(*compared.order_names, *PLACE, nulls_last=False)
    files = set(doubles[FILE].unique())
    asides = [Source(one.number, one.part, beside(one.path)) for one in staged if one.number in files]
    with translated("read the order of staged rows", uri):
        found = [
            rows.join(doubles.lazy().select(PLACE), on=PLACE, how="semi").collect(engine="streaming")
            for rows in scans(uri, asides, pl.Schema({ARRIVAL: pl.Int64()}))
        ]
    arrived = pl.concat(found).select(*PLACE, ARRIVAL)
    return doubles.join(arrived, on=PLACE).sort(*compared.order_names, ARRIVAL, nulls_last=False)


def _both(one: Any, other: Any) -> Any:
    """Two narrowed columns as one."""
    if not (isinstance(one, pl.Struct) and isinstance(other, pl.Struct)):
        return one
    fields = dict(one.to_schema())
    for name, dtype in other.to_schema().items():
        fields[name] = _both(fields[name], dtype) if name in fields else dtype
    return pl.Struct(fields)
