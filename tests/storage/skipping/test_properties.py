"""Skipping never changes an answer: any table, any condition, by every way to read."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.skipping.reader import TableReader, read_table
from tests.storage.skipping.skipping_tables import conditions, frames, fresh, write_ours, write_theirs

LAYOUTS = st.sampled_from(
    [((), ()), (("p",), ()), (("p", "q"), ("i",)), ((), ("s.x", "t")), (("q",), ("at",))]
)
WHERES = st.lists(conditions(), min_size=4, max_size=4)


def numbers(rows: pl.DataFrame) -> list[int]:
    return sorted(rows["n"])


def same_by_all(reader: TableReader, rows: pl.DataFrame, where: pl.Expr) -> None:
    expected = numbers(rows.filter(where))
    lazy = reader.lazy().filter(where)

    assert numbers(lazy.select("n").collect(engine="streaming")) == expected
    assert numbers(lazy.collect()) == expected
    assert sorted(n for batch in reader.batches(where, ["n"]) for n in batch["n"].to_pylist()) == expected
    found = pl.from_arrow(reader.dataset(where).to_table())
    assert isinstance(found, pl.DataFrame)
    assert numbers(found.filter(where)) == expected


@given(
    rows=frames(),
    layout=LAYOUTS,
    batches=st.integers(1, 3),
    wheres=WHERES,
)
@settings(max_examples=25)
def test_read_with_any_condition_gives_the_rows_that_meet_it(
    rows: pl.DataFrame, layout: tuple[tuple[str, ...], tuple[str, ...]], batches: int, wheres: list[pl.Expr]
) -> None:
    with TemporaryDirectory() as folder:
        partition_by, sort_by = layout
        uri = write_ours(
            fresh(Path(folder)), rows, partition_by=partition_by, sort_by=sort_by, batches=batches
        )
        reader = read_table(uri)

        for where in wheres:
            same_by_all(reader, rows, where)
        whole = reader.lazy().collect().sort("n").select(rows.columns)
        assert whole.equals(rows.cast(whole.schema), null_equal=True)


@given(rows=frames(), wheres=WHERES)
@settings(max_examples=25)
def test_read_a_table_of_delta_rs_with_any_condition_gives_the_rows_that_meet_it(
    rows: pl.DataFrame, wheres: list[pl.Expr]
) -> None:
    rows = rows.with_columns(pl.col("at").dt.truncate("1us"))
    with TemporaryDirectory() as folder:
        reader = read_table(write_theirs(fresh(Path(folder)), rows, ["p"]))

        for where in wheres:
            same_by_all(reader, rows, where)


@given(rows=frames(), bound=st.integers(-3, 3))
@settings(max_examples=12)
def test_filter_the_dataset_by_pyarrow_gives_the_rows_that_meet_it(rows: pl.DataFrame, bound: int) -> None:
    with TemporaryDirectory() as folder:
        dataset = read_table(write_ours(fresh(Path(folder)), rows, partition_by=["p"], batches=2)).dataset()

        inner, share = pc.field("s", "x"), pc.field("f")
        for where in (pc.field("i") > bound, inner == bound, pc.field("p") == "a", share <= bound):
            found, expected = dataset.to_table(filter=where), dataset.to_table().filter(where)
            assert sorted(found["n"].to_pylist()) == sorted(expected["n"].to_pylist())
