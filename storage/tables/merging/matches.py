"""The rows of a table that have the key of a row of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import polars as pl

from storage.tables.merging.contenders import Compared
from storage.tables.merging.rule import MergeCounts, MergeRule
from storage.tables.merging.scanning import FILE, PLACE, ROW, Source, scans
from storage.upstream import translated


@dataclass(frozen=True)
class Verdict:
    """What goes: places of rows, by the number of the file; and the counts.

    Attributes:
        staged: Rows of the batch that lost.
        table: Rows of the table that are replaced.
    """

    staged: pl.DataFrame
    table: pl.DataFrame
    counts: MergeCounts


def verdict(
    uri: str, files: Sequence[Source], rows: pl.DataFrame, compared: Compared, rule: MergeRule
) -> Verdict:
    """Holds `rows`, one for each key, against the rows of `files`; reads nothing but what is `compared`."""
    rows = rows.with_row_index("contender")
    matched = _matched(uri, files, rows, compared)
    keys_there = matched["contender"].n_unique()
    if rule.mode == "insert_new":
        lost = _places(rows, matched["contender"])
        counts = MergeCounts(inserted=rows.height - keys_there, existing=keys_there)
        return Verdict(lost, matched.select(PLACE).clear(), counts)
    beaten = matched.filter("newer")["contender"].unique()
    replaced = matched.filter(~pl.col("contender").is_in(beaten.implode())).select(PLACE)
    counts = MergeCounts(
        inserted=rows.height - keys_there,
        updated=keys_there - len(beaten),
        older=len(beaten),
        replaced=replaced.height,
    )
    return Verdict(_places(rows, beaten), replaced, counts)


def _matched(uri: str, files: Sequence[Source], rows: pl.DataFrame, compared: Compared) -> pl.DataFrame:
    """`FILE` and `ROW` in the table, `contender`, and whether the row of the table is `newer`."""
    found = [_NO_MATCH]
    ours = rows.lazy().drop(PLACE)
    with translated("read the keys of the table", uri):
        for theirs in scans(uri, files, compared.columns()):
            both = compared.of(theirs).join(ours, on=compared.key_names, how="inner", suffix=" of the batch")
            newer = _newer(compared.order_names).alias("newer")
            found.append(both.select("contender", *PLACE, newer).collect(engine="streaming"))
    return pl.concat(found)


_NO_MATCH = pl.DataFrame(schema={"contender": pl.UInt32, FILE: pl.Int32, ROW: pl.UInt32, "newer": pl.Boolean})


def _newer(orders: Sequence[str]) -> pl.Expr:
    """Whether the row of the table comes after that of the batch; null is before everything."""

    def by(rest: pl.Expr, name: str) -> pl.Expr:
        table, batch = pl.col(name), pl.col(f"{name} of the batch")
        greater = (table > batch).fill_null(table.is_not_null() & batch.is_null())
        return greater | (table.eq_missing(batch) & rest)

    return reduce(by, reversed(orders), pl.lit(value=False))


def _places(rows: pl.DataFrame, chosen: pl.Series) -> pl.DataFrame:
    return rows.filter(pl.col("contender").is_in(chosen.unique().implode())).select(PLACE)
