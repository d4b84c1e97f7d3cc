"""Requests made of noise: no crash, no traceback, and the server answers the next one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from google.protobuf import any_pb2

from config.settings import Settings
from serving.catalog import Catalog
from serving.flight.server import FlightSqlServer
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack
from serving.queries.query import Engine

SEED = 20_260_101
ROUNDS = 50
DO_PUT = "/arrow.flight.protocol.FlightService/DoPut"
_MESSAGES = [
    one
    for name in dir(messages)
    if isinstance(one := getattr(messages, name), type) and name.startswith(("Command", "Ticket", "Action"))
]


@pytest.fixture(scope="module")
def uri(lake: Path) -> Iterator[str]:
    """Of a server."""
    engine = Engine(Catalog(Settings(pipelines=lake)), memory_bytes=64 * 2**20, threads=2)
    with FlightSqlServer(engine, "grpc://127.0.0.1:0") as server:
        yield f"grpc://127.0.0.1:{server.port}"


@pytest.fixture
def client(uri: str) -> Iterator[Any]:
    """Of it; at the end, the server still answers."""
    with flight.connect(uri) as one:
        yield one
        info = one.get_flight_info(sql("select count(*) from events"))
        assert one.do_get(info.endpoints[0].ticket).read_all().num_rows == 1


def sql(text: str) -> Any:
    command = pack(messages.CommandStatementQuery(query=text))
    return flight.FlightDescriptor.for_command(command)


def noise(chance: random.Random) -> bytes:
    """Bytes of any length; often those of a message, with some of them changed."""
    data = bytearray(chance.randbytes(chance.choice((0, 1, 7, 100, 5_000))))
    if chance.random() < 0.7:
        data = bytearray(
            pack(chance.choice(_MESSAGES)()) + (bytes(data[:100]) if chance.random() < 0.5 else b"")
        )
    return changed(chance, bytes(data))


def changed(chance: random.Random, data: bytes) -> bytes:
    """The same with some bytes changed, or cut off."""
    changing = bytearray(data)
    for _ in range(chance.choice((0, 0, 1, 3, 20))):
        if changing:
            changing[chance.randrange(len(changing))] = chance.randrange(256)
    return bytes(changing[: chance.randrange(len(changing) + 1)] if chance.random() < 0.2 else changing)


def check(call: Any) -> None:
    """Makes a request; what it raises is of Flight, and shows nothing of the server."""
    try:
        call()
    except (flight.FlightError, pa.ArrowException, UnicodeDecodeError) as error:
        assert "Traceback" not in str(error), error
        assert ".py" not in str(error), error


def test_descriptors_of_noise_are_refused(client: Any) -> None:
    chance = random.Random(SEED)
    for _ in range(ROUNDS):
        descriptor = flight.FlightDescriptor.for_command(noise(chance))
        check(lambda one=descriptor: client.get_flight_info(one))
        check(lambda one=descriptor: client.get_schema(one))
        path = [noise(chance).decode("latin1")[:100] for _ in range(chance.randrange(3))]
        check(lambda one=path: client.get_flight_info(flight.FlightDescriptor.for_path(*one)))


def test_tickets_of_noise_are_refused(client: Any) -> None:
    chance = random.Random(SEED)
    own = client.get_flight_info(sql("select * from events")).endpoints[0].ticket.ticket
    for _ in range(ROUNDS):
        ticket = changed(chance, own) if chance.random() < 0.5 else noise(chance)
        check(lambda one=ticket: client.do_get(flight.Ticket(one)).read_all())


def test_actions_of_noise_are_refused(client: Any) -> None:
    chance = random.Random(SEED)
    names = [one.type for one in client.list_actions()]
    for _ in range(ROUNDS):
        name = chance.choice([*names, noise(chance).hex()[:50]])
        check(lambda one=name: list(client.do_action(flight.Action(one, noise(chance)))))


def test_parameters_of_noise_are_refused(uri: str, client: Any) -> None:
    chance = random.Random(SEED)
    asked = messages.ActionCreatePreparedStatementRequest(query="select id from events where kind = ?")
    (result,) = client.do_action(flight.Action("CreatePreparedStatement", pack(asked)))
    answer = messages.ActionCreatePreparedStatementResult.FromString(_value(result.body.to_pybytes()))
    command = pack(
        messages.CommandPreparedStatementQuery(prepared_statement_handle=answer.prepared_statement_handle)
    )
    with closing(grpc.insecure_channel(uri.removeprefix("grpc://"))) as channel:
        put = channel.stream_stream(DO_PUT, request_serializer=bytes, response_deserializer=bytes)
        taken = 0
        for _ in range(ROUNDS):
            try:
                taken += len(list(put(iter(_parameters(chance, command)), timeout=30)))
            except grpc.RpcError as error:
                assert error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED
                assert "Traceback" not in str(error.details())
            check(lambda: client.get_flight_info(flight.FlightDescriptor.for_command(command)))
    assert 0 < taken < ROUNDS


def _value(packed: bytes) -> bytes:
    return any_pb2.Any.FromString(packed).value


def _parameters(chance: random.Random, command: bytes) -> Iterable[bytes]:
    """A schema and a row, as `FlightData`, damaged."""
    batch = pa.record_batch({"1": pa.array(["k0"]), "2": pa.array([[1, None]])})
    schema = batch.schema.serialize().to_pybytes()[8:]
    message = pa.ipc.read_message(batch.serialize())
    header = changed(chance, message.metadata.to_pybytes())
    body = changed(chance, message.body.to_pybytes())
    descriptor = field_of(1, b"\x08\x02" + field_of(2, command))
    yield descriptor + field_of(2, changed(chance, schema) if chance.random() < 0.3 else schema)
    yield field_of(2, header) + field_of(1000, body)


def field_of(number: int, data: bytes) -> bytes:
    """A field of bytes, as protobuf writes it."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + _varint(high) if high else bytes([low])
