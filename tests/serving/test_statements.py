"""Statements, as clients send them."""

from __future__ import annotations

import pytest

from tests.serving.conftest import Served, record


def test_query_over_adbc_gives_the_rows(served: Served) -> None:
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select kind, count(*), max(id) from events where id < 10 group by 1 order by 1")

        assert cursor.fetchall() == [("k0", 4, 9), ("k1", 3, 7), ("k2", 3, 8)]


def test_query_with_parameters_binds_them(served: Served) -> None:
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select id from events where id > ? and kind = ? order by id", [12, "k0"])

        assert cursor.fetchall() == [(15,), (18,)]


def test_query_of_a_version_sees_that_version_and_the_next_one_the_newest(served: Served) -> None:
    served.land("second", record(20))

    with served.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from events for version as of 0")
        before = cursor.fetchall()
        cursor.execute("select count(*) from events")

        assert (before, cursor.fetchall()) == ([(20,)], [(21,)])


@pytest.mark.parametrize(
    ("expression", "value"), [("length('')", 0), ("[1, id]", [1, 7]), ("struct('x' as a)", {"a": "x"})]
)
def test_query_of_what_may_be_null_and_never_is_gives_the_rows(
    served: Served, expression: str, value: object
) -> None:
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"select {expression} from events where id = 7")

        assert cursor.fetchall() == [(value,)]
