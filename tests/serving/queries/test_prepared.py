"""Prepared statements: their parameters, and whose they are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from serving.errors import LimitError, ProtocolError
from serving.flight.prepared import PreparedStatements
from serving.queries.query import Statement
from tests.serving.conftest import Served


def test_parameters_of_a_statement_are_told_with_the_types_that_it_tells(served: Served) -> None:
    with served.connect() as connection, connection.cursor() as cursor:
        schema = cursor.adbc_prepare(
            "select id, $4 from events where id > $1 and kind = $2 and at < $3 limit $5"
        )

    assert schema.types == [pa.int64(), pa.utf8(), pa.timestamp("us", "UTC"), pa.null(), pa.int64()]


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("id = ?", [3], [3]),
        ("id = $1 or id = $1 + 1", [3], [3, 4]),
        ("kind = ? and id < ?", ["k0", 4], [0, 3]),
        ("at >= ? and id > ?", [dt.datetime(2026, 1, 2, 10, tzinfo=dt.UTC), 17], [18, 19]),
        ("day = ? and id < 12", [dt.date(2026, 1, 2)], [10, 11]),
        ("cast(id as double) < ?", [1.5], [0, 1]),
        ("cast(id as decimal(10, 2)) = ?", [Decimal("7.00")], [7]),
        ("(id = 5) = ? and id between 4 and 5", [True], [5]),
        ("cast(kind as bytea) = ? and id < 2", [b"k1"], [1]),
        ("kind = ?", [None], []),
        ("kind = '?' or id = ?", [2], [2]),
        ("exists (select 1 from events other where other.id = ?) and id < 2", [3], [0, 1]),
        ("not exists (select 1 from events other where other.id = events.id + ?)", [19], list(range(1, 20))),
        ("id = (select max(id) from events where id < ?)", [7], [6]),
        ("id in (select id from events where id = ?)", [8], [8]),
    ],
)
def test_parameters_of_all_types_are_bound(
    served: Served, condition: str, values: list[Any], expected: list[int]
) -> None:
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"select id from events where {condition} order by id", values)

        assert [one for (one,) in cursor.fetchall()] == expected


def test_prepared_statement_runs_again_with_other_parameters(served: Served) -> None:
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.adbc_prepare("select id from events where id = ?")
        for number in (3, 4, 100):
            cursor.execute("select id from events where id = ?", [number])
            assert cursor.fetchall() == ([(number,)] if number < 20 else [])


def test_statement_without_its_parameters_says_so(served: Served) -> None:
    with (
        served.connect() as connection,
        connection.cursor() as cursor,
        pytest.raises(Exception, match=r"\$1"),
    ):
        cursor.execute("select id from events where id = ?")
        cursor.fetchall()


def test_end_of_a_connection_leaves_what_others_of_its_client_prepared(served: Served) -> None:
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.adbc_prepare("select 1 as one")
        served.connect().close()
        cursor.execute("select 1 as one")

        assert cursor.fetchall() == [(1,)]


def test_end_of_a_session_forgets_its_own_statements_alone() -> None:
    kept = PreparedStatements()
    ended, other = (kept.keep("me", Statement("select 1"), 2, session) for session in ("first", "second"))

    kept.close_all("me", "first")

    assert kept.get("me", other).sql == "select 1"
    with pytest.raises(ProtocolError, match="no such prepared statement"):
        kept.get("me", ended)


def test_handles_lead_to_the_statements_of_their_client_alone_until_they_are_closed() -> None:
    kept = PreparedStatements()
    handle = kept.keep("me", Statement("select 1"), 2)
    with pytest.raises(ProtocolError, match="no such prepared statement"):
        kept.get("you", handle)
    kept.close("you", handle)
    kept.close_all("you")
    assert kept.get("me", handle).sql == "select 1"

    others = [kept.keep("me", Statement(f"select {number}"), 2) for number in (2, 3)]
    with pytest.raises(ProtocolError, match="no such prepared statement"):
        kept.get("me", handle)
    kept.close("me", others[0])
    with pytest.raises(ProtocolError, match="no such prepared statement"):
        kept.bind("me", others[0], pa.record_batch({"$1": [1]}))
    with pytest.raises(LimitError, match="one row"):
        kept.bind("me", others[1], pa.record_batch({"$1": [1, 2]}))
    kept.bind("me", others[1], pa.record_batch({"$1": [1]}))
    assert kept.get("me", others[1]).parameters.num_rows == 1
