"""What is skipped is what DataFusion would not keep, whatever is asked."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.queries.statements import ask, conditions, engine_of, in_memory
from tests.storage.skipping.skipping_tables import frames, fresh, write_ours, write_theirs


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    """Rows with more kinds of columns: -NaN, floats of 32 bits, bytes, moments without a zone, names."""
    return draw(frames()).with_columns(
        f4=(pl.col("f") / 10).cast(pl.Float32),
        neg=-pl.col("f"),
        naive=pl.col("at").dt.replace_time_zone(None),
        bin=pl.col("t").cast(pl.Binary),
        **{"F.x": pl.col("i"), "x": -pl.col("i"), "Tx": pl.col("t")},
    )


def _outcome(rows: Any) -> Any:
    try:
        return sorted(one["n"] for one in rows())
    except Exception:  # noqa: BLE001 (whatever the engine says of it)
        return None


def _frame(rows: list[Any]) -> pl.DataFrame:
    made = pl.from_arrow(pa.Table.from_pylist(rows))
    assert isinstance(made, pl.DataFrame)
    return made.sort("n")


def _check(
    rows: pl.DataFrame, ours: bool, partition_by: list[str], sort_by: list[str], asked: list[str]
) -> None:
    with TemporaryDirectory() as folder:
        uri = fresh(Path(folder))
        if ours:
            write_ours(uri, rows, partition_by=partition_by, sort_by=sort_by, batches=2)
        else:
            write_theirs(uri, rows, partition_by)
        engine, memory = engine_of(t=uri), in_memory(rows)
        for sql in asked:
            expected = _outcome(lambda: memory.sql(sql).to_pylist())  # noqa: B023
            if expected is not None:  # an error of a row that is skipped does not come
                assert _outcome(lambda: ask(engine, sql)) == expected, sql  # noqa: B023
        whole = "select bin, s, t, n, f4, naive, at, amount, p, q, yes, small from t"
        made, expected = (_frame(one) for one in (ask(engine, whole), memory.sql(whole).to_pylist()))
        assert made.equals(expected)  # NaN is NaN


@st.composite
def _statements(draw: st.DrawFn) -> str:
    one, two = draw(conditions()), draw(conditions())
    if draw(st.integers(0, 2)):
        return f"select n from t where {one}"
    return draw(
        st.sampled_from(
            [
                f"select n from (select * from t where {one}) as t where {two}",
                f"with t as (select * from t where {one}) select n from t where {two}",
                f"select n from t where {one} union all select n from t where {two}",
                f"select t.n from t join (select * from t where {one}) as u on t.n = u.n where {two}",
                f"select t.n from t left join (select * from t where {one}) as u on t.n = u.n and u.n > 3",
                f"select n from t where {one} and n in (select n from t where {two})",
                f"select n from t where n >= (select min(n) from t where {one})",
                f"select n, (select count(*) from t where {one}) from t where {two}",
                "select n from (select n, i as small, small as i from t) as t where small = 1 and n < 30",
                f"select n from (select * from t order by n limit 5) as t where {one}",
                f"select max(n) as n from t where {one}",
                f"select t.n from t full join (select * from t where {two}) u on t.n = u.n where t.n > 1",
            ]
        )
    )


_LAYOUT = st.tuples(
    st.booleans(),
    st.sampled_from([[], ["p"], ["q"], ["yes", "q"]]),
    st.sampled_from([[], ["i"], ["t"], ["f"], ["at"]]),
)


@settings(max_examples=15)
@given(tables(), _LAYOUT, st.lists(_statements(), min_size=6, max_size=12))
def test_query_with_any_condition_gives_the_rows_of_the_engine_in_memory(
    rows: pl.DataFrame, layout: tuple[bool, list[str], list[str]], asked: list[str]
) -> None:
    _check(rows, *layout, asked)


@pytest.mark.long
@settings(max_examples=600)
@given(tables(), _LAYOUT, st.lists(_statements(), min_size=10, max_size=25))
def test_query_with_any_condition_of_many_gives_the_rows_of_the_engine_in_memory(
    rows: pl.DataFrame, layout: tuple[bool, list[str], list[str]], asked: list[str]
) -> None:
    _check(rows, *layout, asked)
