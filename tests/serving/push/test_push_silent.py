"""Clients that begin a push and do not end it: it has a time, and what they held is free again."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from serving.push import push
from serving.push.silence import connection_ended
from storage.landing.listing import list_landing
from tests.serving.push.pushing import Pushed, pushable, rows, taken_in
from tests.serving.push.pushing import push as push_batch

_WITHIN_S = 60


def _begun(client: Any, pushed: Pushed, batch: pa.Table) -> Any:
    descriptor = flight.FlightDescriptor.for_path("events", "a")
    writer, answers = client.do_put(descriptor, batch.schema, pushed.options())
    return writer, answers


def _pushed_when_there_is_room(pushed: Pushed) -> None:
    """By another client, whose batch is another one."""
    ends = time.monotonic() + _WITHIN_S
    while True:
        try:
            assert not pushed.push("b", rows(0, 5))["duplicate"]
            return
        except flight.FlightTimedOutError as error:
            assert "pushes_at_once" in str(error) and time.monotonic() < ends
            time.sleep(0.1)


@pytest.mark.parametrize("sent", [0, 10])
def test_push_of_a_client_that_falls_silent_ends_and_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    (tmp_path / "landing").mkdir()
    monkeypatch.setattr(push, "_GRACE_S", 0.2)
    with (
        pushable(
            tmp_path / "pipes", str(tmp_path), limits={"push_time": "1s", "pushes_at_once": 1}
        ) as pushed,
        pushed.client() as silent,
    ):
        writer, answers = _begun(silent, pushed, rows(0, 10))
        if sent:
            writer.write_table(rows(0, sent))
        time.sleep(0.3)
        with pytest.raises(flight.FlightTimedOutError, match="pushes_at_once"):
            pushed.push("b", rows(0, 5))
        _pushed_when_there_is_room(pushed)

        assert answers.read() is None
        with pytest.raises(flight.FlightUnavailableError):
            writer.close()
        assert list_landing(f"{tmp_path}/landing").height == 1
        assert not list((tmp_path / "landing" / ".arriving").iterdir())
        descriptor = flight.FlightDescriptor.for_path("events", "a")
        again = push_batch(silent, pushed.options(), descriptor, rows(5, 10))  # it connects anew
        assert not again["duplicate"]
        assert taken_in(pushed) == list(range(10))


def test_push_of_a_client_that_takes_too_long_is_told_the_limit(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    with (
        pushable(tmp_path / "pipes", str(tmp_path), limits={"push_time": "1s"}) as pushed,
        pushed.client() as slow,
    ):
        writer, _ = _begun(slow, pushed, rows(0, 10))
        with pytest.raises(flight.FlightTimedOutError, match="push_time"):
            for _ in range(_WITHIN_S * 10):
                writer.write_table(rows(0, 10))
                time.sleep(0.1)
        with pytest.raises(flight.FlightTimedOutError, match="push_time"):
            writer.close()
        assert not list_landing(f"{tmp_path}/landing").height


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("is_dual", [False, True])
def test_connection_is_ended_alone_and_however_its_address_is_written(host: str, is_dual: bool) -> None:
    family = socket.AF_INET6 if is_dual or ":" in host else socket.AF_INET
    at = "::" if is_dual else host
    with (
        socket.create_server((at, 0), family=family, dualstack_ipv6=is_dual) as server,
        ExitStack() as opened,
    ):
        address = host, server.getsockname()[1]
        one, other = [opened.enter_context(socket.create_connection(address, 60)) for _ in range(2)]
        accepted = [opened.enter_context(server.accept()[0]) for _ in range(2)]
        port = one.getsockname()[1]
        peer = f"ipv6:{quote(f'[{host}]')}:{port}" if ":" in host else f"ipv4:{host}:{port}"

        with connection_ended(peer, 0.01):
            assert one.recv(1) == b""
        accepted[1].sendall(b"x")
        assert other.recv(1) == b"x"
