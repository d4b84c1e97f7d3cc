"""What a query sees while its tables change."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from serving.errors import StatementError, UnknownTableError, UnservedTableError
from serving.queries.query import Engine, Planned, Statement
from tests.serving.conftest import Served, record
from tests.serving.queries.statements import ask, engine_of

_IDS = "select id from t order by id"


def _append(uri: str, *ids: int) -> None:
    write_deltalake(uri, pl.DataFrame({"id": ids}).to_arrow(), mode="append")


def _plan(engine: Engine, **statement: Any) -> Planned:
    return engine.plan(Statement(_IDS, **statement), lambda _name: True)


def _ids(rows: list[dict[str, Any]]) -> list[int]:
    return [one["id"] for one in rows]


def test_answer_is_of_the_version_of_its_plan_and_the_next_query_of_the_newest(tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    _append(uri, 1)
    _append(uri, 2)
    engine = engine_of(t=uri)
    pins = _plan(engine).pins

    _append(uri, 3)
    assert _ids(ask(engine, _IDS)) == [1, 2, 3]
    assert _ids(ask(engine, _IDS, pins=pins)) == [1, 2]
    DeltaTable(uri).optimize.compact()
    assert _ids(ask(engine, _IDS, pins=pins)) == [1, 2]
    assert _ids(ask(engine, _IDS)) == [1, 2, 3]
    assert _ids(ask(engine_of(t=uri), _IDS, pins=pins)) == [1, 2]


def test_answer_of_files_that_vacuum_took_is_an_error_that_says_so(tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    _append(uri, 1)
    _append(uri, 2)
    engine = engine_of(t=uri)
    pins = _plan(engine).pins
    table = DeltaTable(uri)
    table.optimize.compact()
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    with pytest.raises(StatementError, match="files of this version of the table are gone") as caught:
        ask(engine, _IDS, pins=pins)
    assert str(tmp_path) not in str(caught.value)
    assert _ids(ask(engine, _IDS)) == [1, 2]


def test_table_that_is_restored_from_a_copy_shows_nothing_of_what_was_after_it(tmp_path: Path) -> None:
    uri, copy = str(tmp_path / "t"), str(tmp_path / "copy")
    _append(uri, 1)
    shutil.copytree(uri, copy)
    _append(uri, 2)
    engine = engine_of(t=uri)
    pins = _plan(engine).pins
    assert _ids(ask(engine, _IDS)) == [1, 2]

    shutil.rmtree(uri)
    shutil.copytree(copy, uri)
    time.sleep(0.01)
    _append(uri, 3)
    _append(uri, 4)

    assert _ids(ask(engine, 'select id from "t@1" order by id')) == [1, 3]
    assert _ids(ask(engine, _IDS)) == [1, 3, 4]
    with pytest.raises(StatementError, match="files of this version of the table are gone"):
        ask(engine, _IDS, pins=pins)


def test_table_that_is_made_anew_is_seen_at_once_and_never_taken_for_the_old_one(tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    for number in (1, 2, 3):
        _append(uri, number)
    engine = engine_of(t=uri)
    pins = _plan(engine).pins
    assert _ids(ask(engine, 'select id from "t@0"')) == [1]
    shutil.rmtree(uri)
    with pytest.raises(UnknownTableError):
        _plan(engine)
    time.sleep(0.01)
    for number in (7, 8, 9):
        _append(uri, number)

    assert _ids(ask(engine, _IDS)) == [7, 8, 9]
    assert _ids(ask(engine, 'select id from "t@0"')) == [7]
    with pytest.raises(StatementError, match="files of this version of the table are gone"):
        ask(engine, _IDS, pins=pins)
    with pytest.raises(StatementError, match="files of this version of the table are gone"):
        ask(engine_of(t=uri), _IDS, pins=pins)


def test_query_of_versions_sees_each_of_them(tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    _append(uri, 1)
    time.sleep(0.01)
    moment = datetime.now(UTC)
    time.sleep(0.01)
    _append(uri, 2)
    engine = engine_of(t=uri)

    for sql in (
        "select t.id from t left join t for version as of 0 old on t.id = old.id where old.id is null",
        "with o as (select * from t for version as of 0) select id from t where id not in (select id from o)",
        'select id from t except select id from "t@0"',
        f"select id from t except select t.id from T for timestamp as of '{moment.isoformat()}'",
        f"select id from t except select id from t for timestamp as of '{moment.replace(tzinfo=None)}' as x",
        "select id /* t for version as of 9 */ from t where id = 2 and 't for version as of 9' <> ''",
    ):
        assert _ids(ask(engine, sql)) == [2], sql
    for sql, got in (("t for version as of 9", "t at 9"), ("t for timestamp as of 'soon'", "t at soon")):
        with pytest.raises(UnknownTableError, match="no such version") as caught:
            ask(engine, f"select * from {sql}")
        assert got in str(caught.value)
    for sql in (
        '"t@-1"',
        '"t@"',
        "t for timestamp as of '1999-01-01'",
        '"t@1@2"',
        '"t@٣"',
        '"t@99999999999999999999"',
    ):
        with pytest.raises(UnknownTableError):
            ask(engine, f"select * from {sql}")


def test_table_with_features_of_other_readers_is_refused(tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    write_deltalake(
        uri, pl.DataFrame({"id": [1]}).to_arrow(), configuration={"delta.enableDeletionVectors": "true"}
    )

    with pytest.raises(UnservedTableError, match="features that change"):
        ask(engine_of(t=uri), _IDS)


def test_client_sees_pipelines_come_and_go_and_commits_with_the_next_statement(served: Served) -> None:
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from events")
        assert cursor.fetchall() == [(20,)]
        served.land("second", record(20))
        cursor.execute("select count(*), count(distinct day) from events")
        assert cursor.fetchall() == [(21, 2)]
        (served.folder / "events.yaml").rename(served.folder / "gone")
        with pytest.raises(Exception, match="no such table"):
            cursor.execute("select count(*) from events")
        (served.folder / "gone").rename(served.folder / "events.yaml")
        cursor.execute("select count(*) from penstock.public.events for version as of 0")
        assert cursor.fetchall() == [(20,)]
