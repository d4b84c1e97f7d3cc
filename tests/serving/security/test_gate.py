"""Who may come in, over the wire."""

from __future__ import annotations

from pathlib import Path

import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from adbc_driver_flightsql import DatabaseOptions
from google.protobuf import any_pb2

from config.settings import Settings
from serving.catalog import Catalog
from serving.flight.server import FlightSqlServer
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack
from serving.queries.query import Engine
from serving.security.door import Door
from serving.security.granting import grant
from serving.security.transport import Transport
from tests.serving.security.certificates import Certificates
from tests.serving.security.conftest import FAR, Guarded


def test_query_with_token_gives_the_rows(guarded: Guarded) -> None:
    with guarded.connect("reader") as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from events")

        assert cursor.fetchall() == [(10,)]


def test_query_with_user_and_token_gives_the_rows(guarded: Guarded) -> None:
    options = {"username": "reader", "password": guarded.tokens["reader"]}
    with guarded.connect(**options) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from events")

        assert cursor.fetchall() == [(10,)]


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic !", "Basic Og==", "Bearer", "Digest x"])
def test_query_of_stranger_is_refused_without_a_reason(guarded: Guarded, header: str) -> None:
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: header} if header else {}
    with pytest.raises(adbc_driver_manager.Error) as caught, guarded.connect(**options) as one:
        one.cursor().execute("select 1")

    assert "nobody knows who is asking" in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(("user", "client"), [("nobody", "reader"), ("", "reader"), ("reader", "nobody")])
def test_handshake_with_token_of_somebody_else_is_refused(guarded: Guarded, user: str, client: str) -> None:
    with pytest.raises(adbc_driver_manager.Error, match="nobody knows who is asking"):
        guarded.connect(username=user, password=guarded.tokens[client]).cursor().execute("select 1")


def test_client_that_may_read_nothing_can_ask_whether_the_server_answers(guarded: Guarded) -> None:
    with guarded.connect("nobody") as connection, connection.cursor() as cursor:
        cursor.execute("select 1")

        assert cursor.fetchall() == [(1,)]


def test_forbidden_table_looks_like_none(guarded: Guarded) -> None:
    with guarded.connect("reader") as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error) as forbidden:
            cursor.execute("select * from secrets")
        with pytest.raises(adbc_driver_manager.Error) as missing:
            cursor.execute("select * from nothing")
        tables = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        cursor.execute("select table_name from information_schema.tables where table_schema = 'public'")

        assert str(forbidden.value).replace("secrets", "nothing") == str(missing.value)
        assert "secrets" not in str(tables)
        assert cursor.fetchall() == [("events",)]


def test_client_without_certificate_is_refused_where_one_is_asked_for(
    lake: Path, tmp_path: Path, certificates: Certificates
) -> None:
    token = grant(tmp_path / "access.toml", "reader", FAR, read=["*"])
    engine = Engine(Catalog(Settings(pipelines=lake)), memory_bytes=64 * 2**20, threads=2)
    files = (certificates.server, certificates.server_key, certificates.authority)
    transport = Transport("127.0.0.1", 0, *files)
    header = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
    own = {
        "cert_chain": certificates.client.read_bytes(),
        "private_key": certificates.client_key.read_bytes(),
    }
    trusted = {"tls_root_certs": certificates.authority.read_bytes()}
    with FlightSqlServer(
        engine, transport.uri(), Door(tmp_path / "access.toml"), **transport.options()
    ) as server:
        with flight.connect(transport.uri(server.port), **trusted, **own) as client:
            assert list(client.list_actions(header))
        stranger = flight.connect(transport.uri(server.port), **trusted)
        with stranger, pytest.raises(flight.FlightUnavailableError):
            list(stranger.list_actions(header))


def test_plaintext_client_of_server_with_tls_is_refused(guarded: Guarded) -> None:
    client = flight.connect(guarded.uri.replace("tls", "tcp"))
    with client, pytest.raises(flight.FlightUnavailableError):
        list(client.list_actions())


def test_token_taken_back_ends_its_sessions(guarded: Guarded) -> None:
    with flight.connect(guarded.uri, tls_root_certs=guarded.authority.read_bytes()) as client:
        session = client.authenticate_basic_token("reader", guarded.tokens["reader"])
        header = flight.FlightCallOptions(headers=[session])
        before = list(client.list_actions(header))
        guarded.access.write_text(guarded.access.read_text().partition("[[tokens]]")[0])

        assert before
        assert guarded.tokens["reader"] not in session[1].decode()
        with pytest.raises(flight.FlightUnauthenticatedError):
            list(client.list_actions(header))


def test_ticket_and_prepared_statement_of_somebody_else_are_none(guarded: Guarded) -> None:
    grant(guarded.access, "other", FAR, read=["*"])
    tokens = guarded.tokens | {"other": grant(guarded.access, "other", FAR)}
    own, other = (
        flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {tokens[name]}".encode())])
        for name in ("reader", "other")
    )
    query = messages.CommandStatementQuery(query="select * from events")
    prepare = messages.ActionCreatePreparedStatementRequest(query="select * from events")
    with flight.connect(guarded.uri, tls_root_certs=guarded.authority.read_bytes()) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(pack(query)), own)
        (result,) = client.do_action(flight.Action("CreatePreparedStatement", pack(prepare)), own)
        prepared = messages.ActionCreatePreparedStatementResult()
        any_pb2.Any.FromString(result.body.to_pybytes()).Unpack(prepared)
        command = messages.CommandPreparedStatementQuery(
            prepared_statement_handle=prepared.prepared_statement_handle
        )
        for ticket in (info.endpoints[0].ticket, flight.Ticket(pack(command))):
            assert client.do_get(ticket, own).read_all().num_rows == 10
            with pytest.raises(flight.FlightServerError, match=r"not a ticket|no such prepared"):
                client.do_get(ticket, other).read_all()


def test_push_that_is_not_allowed_is_refused_as_if_there_were_no_pipeline(guarded: Guarded) -> None:
    header = flight.FlightCallOptions(
        headers=[(b"authorization", f"Bearer {guarded.tokens['reader']}".encode())]
    )
    batch = pa.record_batch({"id": [1]})
    told = []
    with flight.connect(guarded.uri, tls_root_certs=guarded.authority.read_bytes()) as client:
        for name in ("secrets", "nothing"):
            descriptor = flight.FlightDescriptor.for_path(name, "batch-1")
            with pytest.raises(flight.FlightError) as caught:
                writer, reader = client.do_put(descriptor, batch.schema, header)
                writer.write_batch(batch)
                writer.done_writing()
                reader.read()
                writer.close()
            told.append(str(caught.value).partition(". gRPC")[0].replace(name, "NAME"))

    assert told[0] == told[1]
    assert not list((guarded.folder / "landing").glob("*batch-1*"))
