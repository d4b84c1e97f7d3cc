"""Answers as streams: no faster than the client, and no longer than it waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from serving.errors import LimitError, StatementError
from serving.flight import statements
from serving.flight.server import FlightSqlServer
from serving.protocol import flight_pb2
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack, unpack
from serving.queries import query
from serving.queries.query import Statement
from serving.security.turns import Turn
from tests.serving.queries.statements import engine_of
from tests.storage.skipping.skipping_tables import write_ours

_ROWS = 1_500_000
_PAIRS = "select count(distinct a.id * b.id) from t a, t b"
_SORTED = "select * from t order by text || id"
# The engine computes on for a while, which would slow down other tests of the process.
_LONG_SORT = pytest.param(_SORTED, marks=pytest.mark.long)
_LONG_PAIRS = pytest.param(_PAIRS, marks=pytest.mark.long)
_WITHIN_S = 60


@dataclass(frozen=True)
class Client:
    """A plain client of Flight, and the server behind it."""

    server: FlightSqlServer
    flight: Any

    def info(self, sql: str) -> Any:
        """The `FlightInfo` of a statement."""
        command = pack(messages.CommandStatementQuery(query=sql))
        return self.flight.get_flight_info(flight.FlightDescriptor.for_command(command))

    def stream(self, sql: str) -> Any:
        """The first part of its rows."""
        return self.flight.do_get(self.info(sql).endpoints[0].ticket)

    def act(self, name: str, body: bytes) -> bytes:
        """The one answer of an action."""
        (answer,) = self.flight.do_action(flight.Action(name, body))
        return bytes(answer.body.to_pybytes())

    def running(self) -> int:
        """How many statements run."""
        return self.server._statements.running.count()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server over a table of 300 MB in memory, and of some MB in eight files."""
    rows = pl.DataFrame({"id": range(_ROWS)}).with_columns(text=pl.lit("x" * 200), part=pl.col("id") % 8)
    uri = write_ours(
        str(tmp_path_factory.mktemp("lake") / "t"), rows, partition_by=["part"], row_group_rows=65_536
    )
    with (
        FlightSqlServer(engine_of(t=uri), "grpc://127.0.0.1:0") as server,
        flight.connect(f"grpc://127.0.0.1:{server.port}") as connection,
    ):
        yield Client(server, connection)


def _wait_until(met: Callable[[], bool]) -> None:
    ends = time.monotonic() + _WITHIN_S
    while not met():
        assert time.monotonic() < ends
        time.sleep(0.02)


def _threads() -> int:
    """Those of Python; libraries keep theirs."""
    return sum(not isinstance(one, threading._DummyThread) for one in threading.enumerate())


def _is_idle() -> bool:
    before = time.process_time()
    time.sleep(0.3)
    return time.process_time() - before < 0.05


@pytest.mark.parametrize("sql", ["select * from t", "select *, id + 1 as more from t"])
def test_client_that_stops_reading_stops_the_server(
    client: Client, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr(Turn, "count", lambda _turn, batch: made.append(batch.num_rows))
    stream = client.stream(sql)
    stream.read_chunk()
    seen = -1
    while seen != len(made):
        seen = len(made)
        time.sleep(1)

    sent = sum(made)
    assert stream.read_all().num_rows + made[0] == sum(made) == _ROWS
    assert 1 <= sent < _ROWS * 2 / 3  # what libraries and sockets hold does not grow with the answer
    _wait_until(lambda: client.running() == 0)


def test_client_that_leaves_ends_the_statement(client: Client) -> None:
    for leave in (lambda stream: stream.cancel(), lambda stream: None):
        stream = client.stream("select * from t")
        stream.read_chunk()
        assert client.running() == 1
        leave(stream)
        del stream
        _wait_until(lambda: client.running() == 0)


@pytest.mark.parametrize("sql", ["select * from t", _LONG_PAIRS, _LONG_SORT])
@pytest.mark.parametrize("action", ["CancelFlightInfo", "CancelQuery"])
def test_cancelled_statement_ends_at_once_and_leaves_no_thread(client: Client, sql: str, action: str) -> None:
    list(client.stream("select 1"))  # what runs always is running
    _wait_until(lambda: client.running() == 0)
    threads = _threads()
    info = client.info(sql)
    failed: list[Exception] = []

    def read() -> None:
        try:
            for _ in client.flight.do_get(info.endpoints[0].ticket):
                time.sleep(0.05)
        except flight.FlightError as error:
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    _wait_until(lambda: client.running() == 1)
    if action == "CancelFlightInfo":
        answer = client.act(
            action, flight_pb2.CancelFlightInfoRequest(info=info.serialize()).SerializeToString()
        )
        assert (
            flight_pb2.CancelFlightInfoResult.FromString(answer).status == flight_pb2.CANCEL_STATUS_CANCELLED
        )
    else:
        told: Any = unpack(client.act(action, pack(messages.ActionCancelQueryRequest(info=info.serialize()))))
        assert told.result == told.CANCEL_RESULT_CANCELLED
    reader.join(_WITHIN_S)

    assert [type(one) for one in failed] == [flight.FlightCancelledError]
    _wait_until(lambda: client.running() == 0 and _threads() <= threads and _is_idle())
    with pytest.raises(flight.FlightCancelledError):  # nor does another part of it begin
        list(client.flight.do_get(info.endpoints[0].ticket))


@pytest.mark.parametrize("sql", [_LONG_PAIRS, _SORTED])
def test_statement_ends_when_its_time_is_over_though_it_has_no_rows_yet(client: Client, sql: str) -> None:
    planned = client.server._engine.plan(Statement(sql), lambda _name: True)
    looks: list[float] = []

    def check() -> None:
        looks.append(time.monotonic())
        if len(looks) > 3:
            raise LimitError("the time is over")

    with pytest.raises(LimitError, match="over"):
        list(planned.batches(check))
    assert time.monotonic() - looks[3] < _WITHIN_S


def test_failure_of_the_engine_is_one_of_the_statement(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panic(BaseException):
        """As the engine's panics, which are no exceptions."""

    def panics(*_: Any) -> Any:
        raise Panic("of the engine")

    with pytest.raises(StatementError, match="cannot be run"):
        list(
            client.server._engine.plan(Statement("select 1 / (id - id) from t"), lambda _name: True).batches()
        )
    monkeypatch.setattr(query, "drawn", panics)
    with pytest.raises(flight.FlightServerError, match="the statement cannot be run"):
        list(client.stream("select 1"))
    monkeypatch.undo()
    assert client.stream("select 1").read_all().num_rows == 1


def test_large_scan_is_fetched_in_parts_that_give_each_row_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_LARGE_BYTES", 0)
    info = client.info("select id + 1 as more from t as x where id < 1000000")
    parts = [client.flight.do_get(one.ticket).read_all()["more"] for one in info.endpoints]

    assert len(parts) == 2 and not info.ordered and info.total_records == -1
    assert all(300_000 < len(one) < 700_000 for one in parts)
    assert sorted(pa.chunked_array(parts).to_pylist()) == list(range(1, 1_000_001))


@pytest.mark.parametrize(
    ("sql", "parts", "rows"),
    [
        ("select * from t", 2, _ROWS),
        ("with u as (select id, text as x from t) select x from u", 2, _ROWS),
        ("select * from t where part = 3 and id > 0", 1, -1),
        ("select * from t limit 10", 1, -1),
        ("select * from t order by id", 1, -1),
        ("select count(*) from t", 1, -1),
        ("select distinct part from t", 1, -1),
        ("select row_number() over () from t", 1, -1),
        ("select id, (select max(id) from t) from t", 1, -1),
        ("select id from t where id > (select max(id) from t)", 1, -1),
        ("select id from t union all select id from t", 1, -1),
        ("select a.id from t a join t b on a.id = b.id", 1, -1),
        ("select unnest([1, 2]) from t", 1, -1),
        ("select 1", 1, -1),
        ("select * from information_schema.tables", 1, -1),
    ],
)
def test_answer_comes_in_parts_where_each_row_is_made_of_one(
    client: Client, sql: str, parts: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_LARGE_BYTES", 0)
    info = client.info(sql)

    assert (len(info.endpoints), info.total_records) == (parts, rows)


def test_small_scan_is_one_part(client: Client) -> None:
    assert len(client.info("select * from t").endpoints) == 1
