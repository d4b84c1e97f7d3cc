"""A `penstock serve` that is asked anything: it lives, and answers rows, or errors that tell nothing."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import grpc  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.flight as flight
from google.protobuf import any_pb2

from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack
from serving.security.granting import grant
from tests.serving.conftest import PIPELINE, Served, record
from tests.serving.security.conftest import FAR
from tests.serving.security.test_random_requests import DO_PUT
from tests.serving.watched_server import MIB, WatchedServer, watched

_MOST_BYTES: Final = 512 * MIB
"""More than at the start: what some statements of 64 MiB may take, and the allocator keep."""
_WITHIN_S: Final = 120
"""Of one request; statements are ended by the server long before."""
_LIMITS: Final = """\
[limits]
statement_time = "2s"
result_bytes = "16 MiB"
parameter_bytes = "64 KiB"

"""
_ROWS: Final = 60


_NEVER: Final = ("Traceback", ".py", "/tmp", "Deadline Exceeded", "Socket closed", "the server failed")


@dataclass(frozen=True)
class Asked:
    """A server over the table `events`, and a client of it."""

    folder: Path
    server: WatchedServer
    token: str
    client: Any
    channel: Any
    before_bytes: int

    def options(self) -> Any:
        """With the token."""
        header = (b"authorization", f"Bearer {self.token}".encode())
        return flight.FlightCallOptions(timeout=_WITHIN_S, headers=[header])

    def info(self, descriptor: Any) -> Any:
        """A `FlightInfo`."""
        return self.client.get_flight_info(descriptor, self.options())

    def schema(self, descriptor: Any) -> Any:
        """A schema."""
        return self.client.get_schema(descriptor, self.options())

    def rows(self, ticket: bytes) -> int:
        """How many a ticket gives."""
        return sum(one.data.num_rows for one in self.client.do_get(flight.Ticket(ticket), self.options()))

    def act(self, name: str, body: bytes) -> list[bytes]:
        """The answers of an action."""
        answers = self.client.do_action(flight.Action(name, body), self.options())
        return [one.body.to_pybytes() for one in answers]

    def put(self, data: Iterable[bytes]) -> list[bytes]:
        """The answers to `FlightData` as it is; pyarrow would send none that is damaged."""
        call = self.channel.stream_stream(DO_PUT, request_serializer=bytes, response_deserializer=bytes)
        header = [("authorization", f"Bearer {self.token}")]
        return list(call(iter(data), timeout=_WITHIN_S, metadata=header))

    def prepare(self, sql: str) -> bytes:
        """The command of a prepared statement."""
        asked = messages.ActionCreatePreparedStatementRequest(query=sql)
        (body,) = self.act("CreatePreparedStatement", pack(asked))
        packed = any_pb2.Any.FromString(body).value
        made = messages.ActionCreatePreparedStatementResult.FromString(packed)
        handle = made.prepared_statement_handle
        return pack(messages.CommandPreparedStatementQuery(prepared_statement_handle=handle))

    def check(self, ask: Callable[[], object]) -> bool:
        """Asks, and raises where something is wrong; whether it was answered."""
        said = ""
        try:
            ask()
        except grpc.RpcError as error:
            said = f"{error.code()} {error.details()}"
        except (flight.FlightError, pa.ArrowException, UnicodeError) as error:
            said = str(error)
        for never in (*_NEVER, str(self.folder)):
            assert never not in said, said
        assert self.server.is_alive(), said
        assert self.server.memory_bytes() - self.before_bytes < _MOST_BYTES, said
        return not said

    def check_next(self) -> None:
        """The server answers the next one."""
        info = self.info(sql("select count(*) from events"))
        assert self.rows(info.endpoints[0].ticket.ticket) == 1


def sql(text: str) -> Any:
    """A descriptor of a statement."""
    return flight.FlightDescriptor.for_command(pack(messages.CommandStatementQuery(query=text)))


@cache
def asked() -> Asked:
    """The one of this process, which ends with it."""
    opened = ExitStack()
    atexit.register(opened.close)
    folder = Path(opened.enter_context(TemporaryDirectory()))
    (folder / "events.yaml").write_text(PIPELINE.format(folder=folder))
    Served(folder, "").land("first", *(record(one, 1 + one // 30) for one in range(_ROWS)))
    token = grant(folder / "access.toml", "fuzz", FAR, read=["*"], push=["*"])
    (folder / "access.toml").write_text(_LIMITS + (folder / "access.toml").read_text())
    options = ("--access", str(folder / "access.toml"))
    server = opened.enter_context(
        watched(folder, *options, PENSTOCK_CACHE="16 MiB", PENSTOCK_MEMORY="64 MiB", PENSTOCK_THREADS="2")
    )
    client = opened.enter_context(flight.connect(server.uri))
    channel = opened.enter_context(grpc.insecure_channel(server.uri.partition("://")[2]))
    made = Asked(folder, server, token, client, channel, 0)
    made.check_next()
    return Asked(folder, server, token, client, channel, server.settled_memory_bytes())
