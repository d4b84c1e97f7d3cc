"""What the two processes say to each other, over one Unix socket.

For each file the parent sends a `Request` together with a file descriptor. The child answers with an Arrow
IPC stream after the byte `STREAM`, where there are rows, and in the end with an `Outcome` after `END`.
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass

from config.formats import TypedFormat
from storage.reading.streams.stream import StreamDamage

STREAM = b"S"
END = b"E"
LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Request:
    """One file to read.

    Attributes:
        batch_bytes: About the size of a record batch in memory.
    """

    format: TypedFormat
    batch_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the reading of one file ended.

    Attributes:
        damage: Why it ended before its time; None where it did not.
        offset: Where in the file the part begins of which no row was read; None where that is not known.
        detail: What the library said; for logs.
    """

    damage: StreamDamage | None = None
    offset: int | None = None
    detail: str = ""


def send_request(connection: socket.socket, request: Request, descriptor: int) -> None:
    """The request, and a copy of the descriptor for the process at the other end."""
    message = _encoded(request)
    sent = socket.send_fds(connection, [message], [descriptor])
    connection.sendall(message[sent:])


def receive_request(connection: socket.socket) -> tuple[Request, int] | None:
    """The next request with its descriptor, which is the caller's to close; None where there is none."""
    length, descriptors, _, _ = socket.recv_fds(connection, LENGTH_BYTES, 1)
    if not length:
        return None
    fields = json.loads(
        receive(connection, int.from_bytes(length, "little"))
    )  # row objects allowed: a request
    return Request(**fields), descriptors[0]


def send_outcome(connection: socket.socket, outcome: Outcome) -> None:
    """The outcome after its mark."""
    connection.sendall(END + _encoded(outcome))


def receive_outcome(connection: socket.socket) -> Outcome:
    """The outcome, whose mark has been read."""
    text = receive(connection, int.from_bytes(receive(connection, LENGTH_BYTES), "little"))
    return Outcome(**json.loads(text))  # row objects allowed: an outcome


def receive(connection: socket.socket, size: int) -> bytearray:
    """The next `size` bytes; see `receive_into`."""
    found = bytearray(size)
    receive_into(connection, memoryview(found))
    return found


def receive_into(connection: socket.socket, target: memoryview) -> None:
    """Fills `target` with what comes next.

    Raises:
        EOFError: The other end was closed before.
        TimeoutError: Nothing came for too long.
    """
    while target:
        got = connection.recv_into(target)
        if not got:
            raise EOFError
        target = target[got:]


def _encoded(message: Request | Outcome) -> bytes:
    text = json.dumps(asdict(message)).encode()
    return len(text).to_bytes(LENGTH_BYTES, "little") + text
