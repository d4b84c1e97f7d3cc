"""The process that opens untrusted files: `python -m storage.reading.typed.child SOCKET MEMORY SECONDS`.

It reads one file after the other until the socket is closed. It knows no credentials, and opens no file: the
descriptors come over the socket.
"""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import pyarrow as pa

from storage.reading.typed.batches import pieces
from storage.reading.typed.failure import UnreadableError, told
from storage.reading.typed.limits import TimeLimit, limit_process
from storage.reading.typed.mapped import mapped
from storage.reading.typed.wire import STREAM, Outcome, Request, receive_request, send_outcome

OUT_OF_MEMORY = 3
"""The exit status after a file that wanted too much: a process that is half done is best thrown away."""


def main() -> None:
    """Serves until the parent is gone."""
    number, memory_bytes, seconds = map(int, sys.argv[1:])
    limit_process(memory_bytes)
    with socket.socket(fileno=number) as connection, suppress(BrokenPipeError, ConnectionResetError):
        while request := receive_request(connection):
            try:
                outcome = _serve(connection, *request, TimeLimit(seconds))
            except MemoryError:
                os._exit(OUT_OF_MEMORY)
            send_outcome(connection, outcome)


def _serve(connection: socket.socket, request: Request, descriptor: int, limit: TimeLimit) -> Outcome:
    """Sends the rows of the file as they are read."""
    pipe = _Pipe(connection)
    writer: Any = None
    with mapped(descriptor) as data:
        try:
            for batch in limit.each(_batches(data, request)):
                if writer is None:
                    connection.sendall(STREAM)
                    writer = pa.ipc.new_stream(pipe, batch.schema)
                writer.write_batch(batch)
        except UnreadableError as error:
            return Outcome(error.damage, error.offset, str(error))
        finally:
            if writer is not None:
                writer.close()
    return Outcome()


def _batches(data: pa.Buffer, request: Request) -> Iterator[pa.RecordBatch]:
    # Imported when the first file of a format comes: each takes a while.
    reader = import_module(f"storage.reading.typed.{request.format}")
    with told():
        for batch in reader.read(data, request.batch_bytes):
            yield from pieces(batch, request.batch_bytes)


class _Pipe(io.RawIOBase):
    """The socket as a file that takes everything it is given."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._connection.sendall(data)
        return len(data)


if __name__ == "__main__":
    main()
