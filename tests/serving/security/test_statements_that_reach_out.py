"""Statements of clients that try for more than tables: files, other schemas, changes, the process itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import pytest

from config.settings import Settings
from serving.catalog import Catalog
from serving.flight.server import FlightSqlServer
from serving.queries.query import Engine

_LEAKS = re.compile(r"Traceback|\w\.py\b|\w\.rs:|-\w+\.parquet|/root|lake0|0x[0-9a-f]{6}")

REFUSED = [
    "copy events to '{folder}/stolen.csv'",
    "copy (select 1) to '{folder}/stolen.parquet'",
    "explain analyze copy (select 1) to '{folder}/stolen.csv'",
    "create external table t stored as csv location '/etc/passwd'",
    "create table t as select 1",
    "create view v as select * from events",
    "create schema s",
    "create database d",
    "create function f() returns int return 1",
    "drop table events",
    "truncate table events",
    "alter table events add column x int",
    "insert into events values (1)",
    "delete from events",
    "update events set id = 1",
    "merge into events using events e on true when matched then delete",
    "set datafusion.execution.target_partitions = 1000",
    "reset datafusion.execution.target_partitions",
    "select 1; select 2",
    "prepare p as select 1",
    "execute p",
    "begin",
    "use penstock",
    "select * from read_csv('/etc/passwd')",
    "select * from read_parquet('/etc/passwd')",
    "select * from read_json('/etc/passwd')",
    "select * from csv_scan('/etc/passwd')",
    "select * from parquet_metadata('/etc/passwd')",
    "select * from '/etc/passwd'",
    'select * from "/etc/passwd"',
    "select * from 's3://lake/events'",
    "select * from 'file:///etc/passwd'",
    'select * from "../events"',
    'select * from ".."',
    'select * from "events@../../events"',
    'select * from "events@/etc/passwd"',
    'select * from "events/../secrets"',
    'select * from "eve""nts"',
    'select * from "\u202estneve"',
    'select * from "' + "x" * 5_000 + '"',
    "select * from events for version as of 99999999999999999999999",
    "select * from events for timestamp as of '/etc/passwd'",
    "select * from other.public.events",
    "select * from penstock.other.events",
    "select input_file_name() from events",
    "select repeat('x', 2000000000)",
    "select range(0, 100000000000)",
    "select lpad('a', 2147483647)",
    "select array_repeat(1, 1000000000)",
    "select 1 / (id - id) from events",
    "select cast(kind as int) from events",
    "select arrow_cast(id, 'Decimal128(99,1)') from events",
    "select abs(-9223372036854775808)",
    "select regexp_replace(kind, '(', 'b') from events",
    "select '\x00' from events",
    'select * from "eve\x00nts"',
    "(" * 5_000,
    "select " + "+".join(["id"] * 5_000) + " from events",
    " union all ".join(["select 1"] * 5_000),
    "select 1 from " + ",".join(f"events e{number}" for number in range(5_000)),
    "select 1 --\n" + "+ 1" * 5_000,
    "",
    ";",
    "'",
    '"',
    "/*",
]

ANSWERED = [
    "select * from information_schema.tables",
    "select * from information_schema.columns",
    "select * from information_schema.schemata",
    "select * from information_schema.views",
    "select * from information_schema.df_settings",
    "select routine_name from information_schema.routines",
    "explain select * from events where id > 3",
    "explain verbose select * from events",
    "explain analyze select * from events",
    "describe events",
    "show tables",
    "show all",
    "select count(*) from generate_series(1, 1000)",
    "select * from events where id in (" + ",".join(map(str, range(2_000))) + ")",
]


@pytest.fixture(scope="module")
def cursor(lake: Path) -> Iterator[Any]:
    """Of a connection to a server without an access file."""
    engine = Engine(Catalog(Settings(pipelines=lake)), memory_bytes=64 * 2**20, threads=2)
    with (
        FlightSqlServer(engine, "grpc://127.0.0.1:0") as server,
        flight_sql.connect(f"grpc://127.0.0.1:{server.port}", autocommit=True) as connection,
        connection.cursor() as one,
    ):
        yield one


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:40].encode("ascii", "replace").decode())
def test_statement_is_refused_and_tells_nothing_of_the_server(cursor: Any, lake: Path, sql: str) -> None:
    before = sorted(lake.rglob("*"))

    with pytest.raises(adbc_driver_manager.Error) as caught:
        cursor.execute(sql.format(folder=lake) if "{folder}" in sql else sql)
        cursor.fetchall()

    told = str(caught.value)
    assert len(told) < 4_000
    assert _LEAKS.search(told) is None, told
    assert sorted(lake.rglob("*")) == before


@pytest.mark.parametrize("sql", ANSWERED, ids=lambda sql: sql[:40])
def test_answer_tells_no_path(cursor: Any, lake: Path, sql: str) -> None:
    cursor.execute(sql)

    told = str(cursor.fetchall())
    assert _LEAKS.search(told) is None
    assert str(lake) not in told
    assert str(lake.parent) not in told
