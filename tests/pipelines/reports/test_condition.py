"""Conditions in SQL: what may be asked, and that nothing else is ever opened."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import QueryError
from pipelines.reports.condition import condition

ROWS = pl.DataFrame(
    {
        "id": [1, 2, None],
        "kind": ["read_csv", "select 'x'", "a--b"],
        "at": [datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in (1, 12, 23)],
        "day": [date(2026, 1, 5), date(2026, 1, 6), None],
        "actor": [{"id": 7}, {"id": 8}, None],
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id > 1", [2]),
        ("actor.id < 8", [1]),
        ("day = date '2026-01-06'", [2]),
        ("day is null or id = 1", [1, None]),
        ("at >= date '2026-01-05' and at < timestamptz '2026-01-05 12:00:00'", [1]),
        ("extract(hour from at) = 12", [2]),
        ("kind = 'read_csv'", [1]),
        ("kind = 'select ''x'''", [2]),
        ("kind = 'a--b' or kind like '%/*%'", [None]),
        ("id in (1, 3) and kind in ('read_csv')", [1]),
        ("lower(kind) = 'read_csv'", [1]),
        ('"id" = 2', [2]),
        ("true", [1, 2, None]),
    ],
)
def test_condition_keeps_the_rows_that_meet_it(text: str, expected: list[int | None]) -> None:
    found = ROWS.filter(condition(text, ROWS.schema))

    assert found["id"].to_list() == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "id >", "id > 1 and", "*", "id; drop table self", "id > 1 limit 2",
        "nope > 1", "actor.nope > 1", "id", "kind = 1", "at > '2026-01-05'", "id > 1 -- all",
        "id /* x */ > 1", "sum(id) > 1", "row_number() over () = 1", "id > max(id) - 1", "unnest(id) = 1",
        "'unclosed",
    ],
)  # fmt: skip
def test_condition_that_cannot_be_checked_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        condition(text, ROWS.schema)


@pytest.mark.parametrize(
    "query",
    [
        "(select max(a) from {call}) > 1",
        "id in (SELECT a FROM {call})",
        "exists (from {call})",
        "not EXISTS(from {call})",
        "id in (from {call})",
        "id = any(from {call})",
        "id = (from {call})",
        "coalesce((with x as (from {call}) from x), 1) = 1",
        "case when id in (from {call}) then true end",
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        "read_csv('{file}')",
        "READ_CSV ('{file}')",
        "read_csv\n('{file}')",
        "\"read_csv\"('{file}')",
        "'read_csv'('{file}')",
        "`read_csv`('{file}')",
        "read_csv/**/('{file}')",
        "/* ' */ read_csv('{file}') /* ' */",
        "read_csv(/* ' */'{file}')",
    ],
)
def test_condition_with_a_query_is_refused_before_polars_opens_a_file(query: str, call: str) -> None:
    text = query.format(call=call.format(file="/etc/hostname"))

    with pytest.raises(QueryError, match=r"row alone"):
        condition(text, ROWS.schema)
    with pytest.raises(QueryError, match=r"row alone"):
        condition(f"kind = 'it''s' or {text}", ROWS.schema)


@given(st.text(alphabet="'\"`$;-/*()\\ \n.,=ab1", max_size=25))
def test_condition_with_odd_punctuation_never_lets_a_table_function_through(noise: str) -> None:
    text = f"{noise} id in (from read_csv('/nonexistent/file'))"

    # Polars would complain of the missing file, if it were asked.
    with pytest.raises(QueryError) as caught:
        condition(text, ROWS.schema)
    assert "No such file" not in str(caught.value)
