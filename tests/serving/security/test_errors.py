"""What clients are told of failures that are the server's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.flight as flight
import pytest

from config.settings import Settings
from serving.catalog import Catalog
from serving.errors import LimitError, StatementError, as_flight
from serving.queries.query import Engine, Statement
from storage.errors import StorageError
from tests.serving.conftest import PIPELINE

_SECRETS = ("hidden-bucket", "AKIAHIDDEN", "verysecret", "127.0.0.1")


class Refusing(BaseHTTPRequestHandler):
    """A store that knows no credentials."""

    def do_GET(self) -> None:
        """Says so."""
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"<Error><Code>InvalidAccessKeyId</Code><Key>AKIAHIDDEN</Key></Error>")

    do_HEAD = do_PUT = do_POST = do_GET  # noqa: N815 (names that http.server looks for)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """The URL of such a store."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("is_away", [True, False])
def test_store_that_fails_is_told_without_its_address_or_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusing: str, is_away: bool
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1" if is_away else refusing,
        "AWS_ACCESS_KEY_ID": "AKIAHIDDEN",
        "AWS_SECRET_ACCESS_KEY": "verysecret",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "events.yaml").write_text(PIPELINE.format(folder="s3://hidden-bucket"))
    engine = Engine(Catalog(Settings(pipelines=tmp_path)), memory_bytes=64 * 2**20, threads=2)

    with pytest.raises(StorageError) as caught:
        engine.plan(Statement("select * from events"), lambda _name: True)

    told = str(as_flight(caught.value))
    assert ("is away" if is_away else "cannot be read") in told
    assert not [one for one in _SECRETS if one in told]


def test_what_is_no_error_of_ours_is_not_told() -> None:
    class Panic(BaseException):
        """As those of native code are."""

    for error in (KeyError("/secret"), Panic("/secret"), MemoryError("/secret")):
        told = as_flight(error)
        assert isinstance(told, flight.FlightInternalError)
        assert "secret" not in str(told)


def test_kinds_of_errors_reach_the_client_as_such() -> None:
    assert isinstance(as_flight(LimitError("much")), flight.FlightTimedOutError)
    assert isinstance(as_flight(StatementError("wrong")), flight.FlightServerError)


def test_long_and_unprintable_text_is_not_sent() -> None:
    told = str(as_flight(StatementError("wrong", got="\x00\x1b[31m" + "x" * 10_000)))

    assert len(told) < 2_100
    assert "\x00" not in told
    assert "\x1b" not in told
