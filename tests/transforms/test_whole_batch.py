"""What the plan of a transform says about the rows that it needs."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from transforms.whole_batch import needs_whole_batch, without_rows

SCHEMA = pl.Schema(
    {
        "id": pl.Int64(),
        "kind": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "tags": pl.List(pl.String()),
        "actor": pl.Struct({"id": pl.Int64(), "login": pl.String()}),
    }
)
Step = Callable[[pl.LazyFrame], pl.LazyFrame]

ROW_BY_ROW = [
    "select * from self",
    "select *, cast(at as date) as day from self",
    "select * from self where kind = 'SORT BY' and id > 1",
    'select \'AGGREGATE JOIN .over( UNIQUE SLICE sort( [label="sort\' as "GROUP BY", id as "join" from self',
    "select case when id > 1 then 'sort' else lower(kind) end as k, actor.id as actor_id from self",
    "select id, unnest(tags) as tag from self",
    "with sorted as (select id from self) select * from sorted",
]
WHOLE_BATCH = [
    ("select kind, count(*) as n from self group by kind", "group-by"),
    ("select distinct kind from self", "is-first-distinct"),
    ("select * from self order by id", "sort"),
    ("select * from self limit 2", "slice"),
    ("select max(id) as newest from self", "reduce"),
    ("select *, id - max(id) over () as behind from self", "reduce"),
    ("select *, row_number() over (partition by kind order by id) as n from self", "window"),
    ("select *, lag(id) over (order by id) as before from self", "in-memory-map"),
    ("select a.* from self a join self b on a.id = b.id", "equi-join"),
    ("select * from self where id in (select id from self)", "semi-join"),
    ("select * from self union all select * from self", "multiplexer"),
]


@pytest.mark.parametrize("sql", ROW_BY_ROW)
def test_needs_nothing_beyond_the_row_of_sql_that_looks_like_more(sql: str) -> None:
    assert needs_whole_batch(without_rows(SCHEMA).sql(sql)) == ()


@pytest.mark.parametrize(("sql", "node"), WHOLE_BATCH)
def test_needs_the_whole_batch_for_sql_names_the_node(sql: str, node: str) -> None:
    assert needs_whole_batch(without_rows(SCHEMA).sql(sql)) == (node,)


@pytest.mark.parametrize(
    "step",
    [
        lambda rows: rows.with_columns(pl.lit("sort( group_by( sum(").alias("AGGREGATE")),
        lambda rows: rows.filter(pl.col("id").is_in([1, 2])).drop_nulls().rename({"id": "sort"}),
        lambda rows: rows.with_columns(pl.col("tags").list.sort(), n=pl.col("tags").list.len()),
        lambda rows: rows.explode("tags").unnest("actor", separator="_"),
        lambda rows: rows.map_batches(lambda frame: frame, streamable=True),
        lambda rows: rows.select("id", "kind").unpivot(["id"], index="kind"),
    ],
)
def test_needs_nothing_beyond_the_row_of_plain_functions(step: Step) -> None:
    assert needs_whole_batch(step(without_rows(SCHEMA))) == ()


@pytest.mark.parametrize(
    "step",
    [
        lambda rows: rows.sort("id"),
        lambda rows: rows.unique("id"),
        lambda rows: rows.head(3),
        lambda rows: rows.tail(3),
        lambda rows: rows.with_row_index(),
        lambda rows: rows.top_k(2, by="id"),
        lambda rows: rows.group_by("kind").agg(pl.len()),
        lambda rows: rows.join(pl.LazyFrame({"id": [1], "name": ["x"]}), on="id"),
        lambda rows: rows.with_columns(pl.col("id").sum().over("kind")),
        lambda rows: rows.with_columns(pl.col("id") - pl.col("id").mean()),
        lambda rows: rows.with_columns(pl.col("id").cum_sum()),
        lambda rows: rows.with_columns(pl.col("id").shift()),
        lambda rows: rows.with_columns(pl.col("id").rank()),
        lambda rows: rows.with_columns(pl.col("id").forward_fill()),
        lambda rows: rows.with_columns(pl.col("id").rolling_mean(2)),
        lambda rows: rows.filter(pl.col("id").is_duplicated()),
        lambda rows: rows.filter(pl.col("id") > pl.col("id").mean()),
        lambda rows: rows.map_batches(lambda frame: frame),
        lambda rows: rows.reverse(),
    ],
)
def test_needs_the_whole_batch_for_functions_that_look_around(step: Step) -> None:
    assert needs_whole_batch(step(without_rows(SCHEMA))) != ()


def test_needs_are_those_of_the_last_step_alone() -> None:
    after_sort = without_rows(SCHEMA).sort("id").collect_schema()

    assert needs_whole_batch(without_rows(after_sort).filter(pl.col("id") > 1)) == ()
