"""The DBAPI of ADBC: statements, parameters, large answers, what cannot be done."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pytest
from adbc_driver_manager import OperationalError, ProgrammingError

from tests.serving.clients.conftest import LARGE_ROWS, ROW
from tests.serving.conftest import Served

SIMPLE = [name for name, value in ROW.items() if not isinstance(value, dict | list)]


@pytest.mark.parametrize("name", [name for name in SIMPLE if name not in ("payload", "u64")])
def test_parameter_of_every_type_finds_its_row(cursor: Any, name: str) -> None:
    cursor.execute(f"select i32 from every_type where {name} = ?", [ROW[name]])
    found = cursor.fetchall()

    assert (ROW["i32"],) in found


def test_parameter_null_is_null(cursor: Any) -> None:
    cursor.execute("select i32 from every_type where i64 is not distinct from ? order by 1", [None])

    assert cursor.fetchall() == [(0,), (1,)]


def test_parameters_are_values_and_never_sql(cursor: Any) -> None:
    hostile = "' or 1=1; drop table large; --"
    cursor.execute("select count(*), ? as said from large where name = ?", [hostile, hostile])

    assert cursor.fetchall() == [(0, hostile)]


def test_parameters_of_many_rows_are_refused(cursor: Any) -> None:
    with pytest.raises(OperationalError, match="the server only reads"):
        cursor.executemany("select * from large where id = ?", [(1,), (2,)])


def test_prepare_tells_the_parameters_and_execute_repeats(cursor: Any) -> None:
    told = cursor.adbc_prepare("select id from large where id = ?")
    found = []
    for number in (3, 5):
        cursor.execute("select id from large where id = ?", [number])
        found += cursor.fetchall()

    assert told.types == [pa.int64()]
    assert found == [(3,), (5,)]


def test_parameter_of_another_type_is_refused_with_what_is_wrong(cursor: Any) -> None:
    with pytest.raises(OperationalError, match="cannot be run"):
        cursor.execute("select id from large where id = ?", ["x"])
    with pytest.raises(OperationalError, match=r"\$2"):
        cursor.execute("select id from large where id = ? and name = ?", [1])


def test_partitions_are_read_one_by_one_and_make_the_answer(connection: Any) -> None:
    with connection.cursor() as cursor:
        partitions, schema = cursor.adbc_execute_partitions("select id from large where id < 100")
        found = []
        for one in partitions:
            cursor.adbc_read_partition(one)
            found += [row[0] for row in cursor.fetchall()]

    assert schema.names == ["id"]
    assert sorted(found) == list(range(100))


def test_schema_of_an_answer_is_had_without_its_rows(cursor: Any) -> None:
    schema = cursor.adbc_execute_schema("select id, name as text, at from large, every_type")

    assert (schema.names, schema.types[2]) == (["id", "text", "at"], pa.timestamp("us", "UTC"))
    with pytest.raises(OperationalError, match="nowhere") as caught:
        cursor.adbc_execute_schema("select * from nowhere")
    assert "Traceback" not in str(caught.value)


def test_large_answer_streams_in_batches(cursor: Any) -> None:
    cursor.execute("select id from large")
    sizes = [batch.num_rows for batch in cursor.fetch_record_batch()]

    assert sum(sizes) == LARGE_ROWS
    assert len(sizes) > 2


def test_large_answer_that_is_left_unread_ends(connection: Any) -> None:
    with connection.cursor() as left:
        left.execute("select a.id from large a cross join large b")
        assert left.fetch_record_batch().read_next_batch().num_rows > 0
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from large")

        assert cursor.fetchall() == [(LARGE_ROWS,)]


def test_cancel_from_another_thread_ends_the_answer(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select a.id from large a cross join large b")
        batches = cursor.fetch_record_batch()
        batches.read_next_batch()
        threading.Timer(0.2, cursor.adbc_cancel).start()

        with pytest.raises(OSError, match="cancel"):
            for _ in batches:
                pass


def test_cursors_of_many_threads_each_get_their_own_answer(connection: Any) -> None:
    def asked(number: int) -> list[tuple[int, str]]:
        with connection.cursor() as cursor:
            cursor.execute("select id, name from large where id = ?", [number])
            rows: list[tuple[int, str]] = cursor.fetchall()
            return rows

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(asked, range(32)))

    assert answers == [[(number, f"name {number}")] for number in range(32)]


def test_answer_of_no_rows_has_its_columns(cursor: Any) -> None:
    cursor.execute("select * from empty")
    assert cursor.fetch_arrow_table().schema.names == ["id", "name", "_rescued"]

    cursor.execute("select count(*) from empty")
    assert cursor.fetchall() == [(0,)]


def test_answers_have_no_views_of_text_nor_dictionaries(cursor: Any) -> None:
    cursor.execute("select upper(country), substr(words, 2), country from every_type group by all")
    kinds = set(cursor.fetch_arrow_table().schema.types)

    assert kinds <= {pa.string(), pa.large_string()}


@pytest.mark.parametrize(
    "statement",
    [
        "insert into large values (1, 'x', null)",
        "update large set id = 1",
        "delete from large",
        "create table made as select 1",
        "drop table large",
        "set x = 1",
        "begin",
    ],
)
def test_statement_that_writes_is_refused_and_says_so(cursor: Any, statement: str) -> None:
    with pytest.raises(OperationalError, match=r"FlightSQL.*\n?.*") as caught:
        cursor.execute(statement)

    assert "Traceback" not in str(caught.value)
    cursor.execute("select count(*) from large")
    assert cursor.fetchall() == [(LARGE_ROWS,)]


def test_connection_without_autocommit_warns_that_there_are_no_transactions(shapes: Served) -> None:
    with (
        pytest.warns(Warning, match="Cannot disable autocommit"),
        flight_sql.connect(shapes.uri) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select 1")

        assert cursor.fetchall() == [(1,)]


def test_session_has_the_one_catalog_and_schema(connection: Any) -> None:
    assert (connection.adbc_current_catalog, connection.adbc_current_db_schema) == ("penstock", "public")
    connection.adbc_current_catalog = "penstock"
    with pytest.raises(ProgrammingError, match=r"'catalog' \(invalid value\)"):
        connection.adbc_current_catalog = "other"
    with pytest.raises(ProgrammingError, match=r"'zone' \(invalid name\)"):
        connection.adbc_connection.set_options(**{"adbc.flight.sql.session.option.zone": "UTC"})


def test_plan_of_substrait_is_refused(cursor: Any) -> None:
    cursor.adbc_statement.set_substrait_plan(b"plan")

    with pytest.raises(OperationalError, match="a statement in SQL"):
        cursor.adbc_statement.execute_query()
