"""Which partition values can be stored, how they read in the log, and where one partition ends."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.layout.partitions import HIVE_NULL, folder, grouped, storable


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pl.Series(["a/b"]), "a/b"),
        (pl.Series([-5]), "-5"),
        (pl.Series([True]), "true"),
        (pl.Series([dt.date(1, 2, 3)]), "0001-02-03"),
        (pl.Series([-1]).cast(pl.Datetime("us", "UTC")), "1969-12-31T23:59:59.999999Z"),
        (pl.Series([-1]).cast(pl.Datetime("us")), "1969-12-31 23:59:59.999999"),
        (pl.Series([None], dtype=pl.String), None),
    ],
)
def test_grouped_gives_the_text_of_the_protocol(column: pl.Series, text: str | None) -> None:
    _, (run,) = grouped(column.alias("p").to_frame(), ["p"])

    assert run.values == {"p": text}


def test_folder_encodes_values_as_polars_decodes_them() -> None:
    assert folder({"a b": "x/y%", "day": None}) == f"a b=x%2Fy%25/day={HIVE_NULL}/"
    assert folder({}) == ""


@given(st.lists(st.tuples(st.none() | st.sampled_from("abc"), st.none() | st.integers(0, 2)), max_size=30))
def test_grouped_keeps_every_row_in_the_order_of_arrival(keys: list[tuple[str | None, int | None]]) -> None:
    frame = pl.DataFrame(keys, schema={"a": pl.String, "b": pl.Int64}, orient="row").with_row_index("n")

    rows, runs = grouped(frame, ["a", "b"])

    assert len({tuple(run.values.values()) for run in runs}) == len(runs)
    assert sum(run.rows for run in runs) == frame.height
    for run in runs:
        part = rows.slice(run.start, run.rows)
        wanted = frame.filter(
            pl.col("a").eq_missing(run.values["a"]),
            pl.col("b").cast(pl.String).eq_missing(pl.lit(run.values["b"], pl.String)),
        )
        assert part.equals(wanted)


def test_grouped_does_not_move_rows_that_come_grouped() -> None:
    frame = pl.DataFrame({"p": ["b", "b", "a"], "n": [1, 2, 3]})

    rows, runs = grouped(frame, ["p"])

    assert rows is frame
    assert [(run.start, run.rows) for run in runs] == [(0, 2), (2, 1)]


def test_grouped_without_rows_gives_no_run() -> None:
    assert grouped(pl.DataFrame({"p": ["x"]}).clear(), ["p"])[1] == []
    assert grouped(pl.DataFrame({"p": ["x"]}).clear(), [])[1] == []


def test_storable_splits_rows_and_keeps_their_order() -> None:
    frame = pl.DataFrame({"p": ["a", "", None, HIVE_NULL, "b", "x" * 201], "n": range(6)})

    good, bad = storable(frame, ["p"])

    assert good["n"].to_list() == [0, 2, 4]
    assert bad["n"].to_list() == [1, 3, 5]


def test_storable_refuses_years_without_four_digits() -> None:
    days = pl.Series([-719_162, 2_932_896, -719_163, 2_932_897, None], dtype=pl.Int32).cast(pl.Date)
    moments = pl.Series([0, 0, 0, 0, 2**63 - 1]).cast(pl.Datetime("us", "UTC"))
    frame = pl.DataFrame({"day": days, "at": moments, "n": range(5)})

    assert storable(frame, ["day"])[1]["n"].to_list() == [2, 3]
    assert storable(frame, ["day", "at"])[1]["n"].to_list() == [2, 3, 4]


def test_storable_of_good_rows_copies_nothing() -> None:
    frame = pl.DataFrame({"p": ["a"], "n": [1]})

    assert storable(frame, ["p"])[0] is frame
    assert storable(frame, [])[0] is frame


@given(st.text(max_size=90))
def test_storable_text_fits_into_a_local_folder_name(text: str) -> None:
    good, _ = storable(pl.DataFrame({"p": [text]}), ["p"])

    name = folder({"p": text}).rstrip("/").partition("=")[2]
    assert good.height == (text not in ("", HIVE_NULL) and len(name) <= 200)
