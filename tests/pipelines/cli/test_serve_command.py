"""`penstock serve` and `penstock token`, as processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow.flight as flight
import pytest
from adbc_driver_flightsql import DatabaseOptions

from config.spec_file import load_pipeline
from pipelines.run import run
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack
from tests.pipelines.cli.calling import call, start
from tests.serving.conftest import PIPELINE, record

_PATIENCE_S = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pipelines folder with the table `events`: ids 0 to 4."""
    (tmp_path / "events.yaml").write_text(PIPELINE.format(folder=tmp_path))
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "one.ndjson").write_text("\n".join(map(record, range(5))))
    run(load_pipeline(tmp_path / "events.yaml"))
    return tmp_path


def serve(folder: Path, *options: str) -> tuple[Any, str]:
    """The process and its URI."""
    environment = {"PENSTOCK_PIPELINES": str(folder)}
    process = start("serve", "--port", "0", "--json", *options, cwd=folder, env=environment)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["uri"]


def test_serve_answers_logs_requests_without_their_text_and_stops_cleanly(folder: Path) -> None:
    access = folder / "access.toml"
    token = json.loads(call("token", "reader", "--read", "*", "--access", str(access), "--json").stdout)[
        "token"
    ]
    process, uri = serve(folder, "--access", str(access))
    header = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
    connection = flight_sql.connect(uri, db_kwargs=header, autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from events where kind <> ?", ["hidden"])
        assert cursor.fetchall() == [(5,)]

    process.terminate()
    _, logged = process.communicate(timeout=_PATIENCE_S)

    assert process.returncode == 0
    assert "reader DO_GET: ok" in logged
    assert "of events" in logged
    assert "hidden" not in logged
    assert "kind" not in logged
    assert token not in logged


def test_serve_ends_a_statement_that_does_not_end(folder: Path) -> None:
    process, uri = serve(folder)
    asked = messages.CommandStatementQuery(query="select * from generate_series(1, 1000000000000)")
    with flight.connect(uri) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(pack(asked)))
        client.do_get(info.endpoints[0].ticket).read_chunk()

        process.terminate()
        process.communicate(timeout=_PATIENCE_S)

    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "next_step"),
    [((), "docs/serving.md"), (("--tls-cert", "x", "--tls-key", "x"), "penstock token")],
)
def test_serve_beyond_loopback_without_protection_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], next_step: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x").write_text("")

    result = call("serve", "--host", "0.0.0.0", *options)

    assert result.exit_code == 2
    assert next_step in result.stderr


def test_serve_at_a_port_that_is_taken_is_told(folder: Path) -> None:
    process, uri = serve(folder)
    port = uri.rpartition(":")[2]

    second = start("serve", "--port", port, cwd=folder)
    _, told = second.communicate(timeout=_PATIENCE_S)
    process.terminate()
    process.communicate(timeout=_PATIENCE_S)

    assert second.returncode == 1
    assert "cannot serve here" in told
