"""Messages of Flight SQL to bytes and back; each is sent inside of an `Any`, which tells its name."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message

from serving.errors import ProtocolError
from serving.protocol import flight_sql_pb2 as messages

M = TypeVar("M", bound=Message)


def pack(message: Message) -> bytes:
    """The bytes of `message` inside of an `Any`."""
    packed = AnyMessage()
    packed.Pack(message)
    return packed.SerializeToString()


def unpack(data: bytes) -> Message:
    """The message inside of an `Any`.

    Raises:
        ProtocolError: The bytes are none, or the message is none that is served.
    """
    packed = AnyMessage()
    try:
        packed.ParseFromString(data)
    except DecodeError as error:
        raise _unknown("bytes that are no message") from error
    name = packed.TypeName()
    kind = getattr(messages, name.rpartition(".")[2], None)
    if kind is None or kind.DESCRIPTOR.full_name != name:
        raise _unknown(name or "bytes that are no message")
    message: Message = parse(kind, packed.value)
    return message


def parse(kind: type[M], data: bytes) -> M:
    """The message of `kind` that `data` is, without an `Any`.

    Raises:
        ProtocolError: It is none.
    """
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise _unknown(f"bytes that are no {kind.__name__}") from error
    return message


def _unknown(got: str) -> ProtocolError:
    return ProtocolError(
        "not a request that this server answers",
        got=got,
        expected="a command of Flight SQL; the server only reads",
    )
