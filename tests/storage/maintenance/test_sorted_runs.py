"""Sorted runs become one sorted stream, and no row is lost or doubled, sorted or not."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from storage.maintenance.sorted_runs import merged

ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, float("nan"), float("-inf"), -0.0, 0.0, 1.5]),
        st.sampled_from([None, "", "a", "b"]),
    ),
    max_size=12,
)
KEYS = [pl.col("a"), pl.col("b")]
SCHEMA = pl.Schema({"a": pl.Float64(), "b": pl.String(), "number": pl.Int64()})


def frames(runs: list[list[tuple[float | None, str | None]]]) -> list[pl.DataFrame]:
    numbered = [[(*row, 100 * run + at) for at, row in enumerate(rows)] for run, rows in enumerate(runs)]
    return [pl.DataFrame(rows, SCHEMA, orient="row") for rows in numbered]


def in_pieces(frame: pl.DataFrame, rows: int) -> Iterator[pl.DataFrame]:
    return frame.iter_slices(rows)


@given(st.lists(ROWS, max_size=5), st.integers(1, 5))
def test_merged_runs_are_in_order(runs: list[list[tuple[float | None, str | None]]], piece: int) -> None:
    whole = [frame.sort(KEYS) for frame in frames(runs)]

    found = pl.concat([SCHEMA.to_frame(), *merged([in_pieces(one, piece) for one in whole], KEYS)])

    assert found.select("a", "b").equals(found.sort(KEYS, maintain_order=True).select("a", "b"))
    assert sorted(found["number"]) == sorted(pl.concat([SCHEMA.to_frame(), *whole])["number"])


@given(st.lists(ROWS, max_size=5), st.integers(1, 5))
def test_merged_runs_without_order_keep_every_row(
    runs: list[list[tuple[float | None, str | None]]], piece: int
) -> None:
    whole = frames(runs)

    found = pl.concat([SCHEMA.to_frame(), *merged([in_pieces(one, piece) for one in whole], KEYS)])

    assert sorted(found["number"]) == sorted(pl.concat([SCHEMA.to_frame(), *whole])["number"])


def test_merged_runs_without_keys_follow_one_another() -> None:
    whole = frames([[(1.5, "b")], [(0.0, "a"), (1.5, "a")]])

    found = pl.concat(merged([in_pieces(one, 1) for one in whole], []))

    assert found["number"].to_list() == [0, 100, 101]
