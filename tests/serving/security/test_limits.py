"""What clients are refused because it is too much."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import pyarrow as pa
import pytest
from adbc_driver_flightsql import DatabaseOptions

from config.settings import Settings
from serving.catalog import Catalog
from serving.errors import LimitError
from serving.flight.server import FlightSqlServer
from serving.queries.query import Engine
from serving.security.client import Client
from serving.security.door import Door
from serving.security.granting import grant
from serving.security.limits import Limits, ServerLimits
from serving.security.shape import MOST, check_shape
from serving.security.turns import Turn, Turns
from tests.pipelines.cli.calling import start
from tests.serving.security.conftest import FAR

NO_ROW_YET = (
    "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b "
    "where a.value * b.value = 7"
)


def granted(folder: Path, limits: str) -> dict[str, str]:
    """Writes the access file of a client with these limits; what the client tells the server."""
    token = grant(folder / "access.toml", "reader", FAR, read=["*"])
    text = (folder / "access.toml").read_text()
    (folder / "access.toml").write_text(text.replace("push = []", f"push = []\nlimits = {{{limits}}}"))
    return {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}


@contextmanager
def connected(lake: Path, folder: Path, limits: str) -> Iterator[Any]:
    """A cursor of a client with these limits."""
    header = granted(folder, limits)
    engine = Engine(Catalog(Settings(pipelines=lake)), memory_bytes=64 * 2**20, threads=2)
    with (
        FlightSqlServer(engine, "grpc://127.0.0.1:0", Door(folder / "access.toml")) as server,
        flight_sql.connect(
            f"grpc://127.0.0.1:{server.port}", db_kwargs=header, autocommit=True
        ) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor


@contextmanager
def connected_to_process(lake: Path, folder: Path, limits: str) -> Iterator[Any]:
    """The same; the server is a process of its own, killed at the end.

    For statements that the engine computes on for hours when nobody waits for them any more.
    """
    header = granted(folder, limits)
    process = start(
        "serve", "--port", "0", "--json", "--access", folder / "access.toml",
        cwd=folder, env={"PENSTOCK_PIPELINES": str(lake)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        uri = json.loads(process.stdout.readline())["uri"]
        with (
            flight_sql.connect(uri, db_kwargs=header, autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("limits", "sql", "parameters", "named"),
    [
        ('result_bytes = "64 B"', "select * from events", None, "result_bytes"),
        ('statement_bytes = "64 B"', f"select id from events -- {'x' * 64}", None, "statement_bytes"),
        ('parameter_bytes = "64 B"', "select id from events where kind = ?", ["x" * 100], "parameter_bytes"),
    ],
)
def test_limit_is_named(
    lake: Path, tmp_path: Path, limits: str, sql: str, parameters: list[Any] | None, named: str
) -> None:
    with (
        connected(lake, tmp_path, limits) as cursor,
        pytest.raises(adbc_driver_manager.Error, match=named),
    ):
        cursor.execute(sql, parameters)
        cursor.fetchall()


def test_statement_that_takes_too_long_ends_and_its_limit_is_named(lake: Path, tmp_path: Path) -> None:
    with connected_to_process(lake, tmp_path, 'statement_time = "1s"') as cursor:
        began = time.monotonic()
        with pytest.raises(adbc_driver_manager.Error, match="statement_time"):
            cursor.execute(NO_ROW_YET)
            cursor.fetchall()
        assert time.monotonic() - began < 60


def test_prepared_statement_of_somebody_with_too_many_is_forgotten(lake: Path, tmp_path: Path) -> None:
    with connected(lake, tmp_path, "prepared_statements = 1") as cursor:
        first, second = cursor.adbc_statement, cursor.connection.cursor()
        first.set_sql_query("select 1")
        first.prepare()
        second.execute("select 2")
        second.close()

        with pytest.raises(adbc_driver_manager.Error, match="no such prepared statement"):
            first.execute_query()


def test_turn_that_does_not_come_up_is_refused_and_one_that_ends_makes_room() -> None:
    client = Client("a", limits=Limits(statements_at_once=1, wait_time="1s"))
    turns = Turns()

    with turns.take(client), pytest.raises(LimitError, match="statements_at_once"), turns.take(client):
        pass
    with turns.take(client), turns.take(Client("b")):
        pass


def test_turns_of_all_clients_together_are_bounded() -> None:
    turns = Turns(lambda: ServerLimits(statements_at_once=1))
    waiting = Client("b", limits=Limits(wait_time="1s"))

    with turns.take(Client("a")), pytest.raises(LimitError, match="of the server"), turns.take(waiting):
        pass


def test_waiting_turn_is_left_when_nobody_waits_for_it() -> None:
    def gone() -> None:
        raise LimitError("gone")

    client = Client("a", limits=Limits(statements_at_once=1))
    turns = Turns()

    with turns.take(client), pytest.raises(LimitError, match="gone"), turns.take(client, gone):
        pass


def test_count_of_bytes_ends_a_statement_at_its_limit() -> None:
    turn = Turn(Limits(result_bytes=16))
    batch = pa.record_batch({"a": pa.array([1, 2], pa.int64())})

    turn.count(batch)
    with pytest.raises(LimitError, match="at most 16 B"):
        turn.count(batch)


CHAIN = "+a" * (MOST + 1)


@pytest.mark.parametrize(
    "sql",
    [
        f"select a{CHAIN}",
        f"select a{CHAIN.replace('+', ' Or ')}",
        " UNION ALL ".join(["select 1"] * MOST),
        "select 1 from " + ",".join(["t"] * (MOST + 2)),
        "select 1 from (select 1 from " + ",".join(["t"] * (MOST + 2)) + ")",
        f"select $$'$$ {CHAIN}",
        f"select e'\\'' {CHAIN}",
        f"select 1 -- '\n {CHAIN}",
        f"select /* /* */ ' */ {CHAIN}",
        f"select `'` {CHAIN}",
        f"select ')))))' {CHAIN}",
        f"select ))))) {CHAIN}",
    ],
)
def test_intricate_statement_is_refused_however_it_is_written(sql: str) -> None:
    with pytest.raises(LimitError, match="too intricate"):
        check_shape(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select a from t where a in (" + ",".join(map(str, range(50_000))) + ")",
        "select '" + "+-*/ and or" * 20_000 + "'",
        'select "' + "a+" * 20_000 + '"',
        "select " + ", ".join(f"t.c{number} as x{number}" for number in range(500)) + " from t",
        "select f(" + ",".join(["1"] * 5_000) + ")",
    ],
)
def test_long_statement_that_is_not_intricate_is_taken(sql: str) -> None:
    check_shape(sql)
