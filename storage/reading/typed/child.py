"""The process that opens untrusted files: `python -m storage.reading.typed.child SOCKET MEMORY SECONDS`.

It reads one file after the other until the socket is closed. It knows no credentials, and opens no file: the
descriptors come over the socket.
"""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

import pyarrow as pa

from config.formats import TypedFormat
from storage.reading.typed.batches import pieces
from storage.reading.typed.failure import UnreadableError, told
from storage.reading.typed.limits import TimeLimit, be_spared, memory_not_counted
from storage.reading.typed.mapped import Mapped, mapped
from storage.reading.typed.wire import STREAM, Outcome, receive_request, send_outcome

OUT_OF_MEMORY = 3
"""The exit status after a file that wanted too much: a process that is half done is best thrown away."""

_BUFFER_BYTES = 64 * 1024
_MAX_DETAIL = 500

Reader = Callable[[pa.Buffer, int], Iterator[pa.RecordBatch]]


def main() -> None:
    """Serves until the parent is gone."""
    number, memory_bytes, seconds = map(int, sys.argv[1:])
    be_spared()
    with socket.socket(fileno=number) as connection, suppress(BrokenPipeError, ConnectionResetError):
        while received := receive_request(connection):
            request, descriptor = received
            reader = _reader(request.format, memory_bytes)
            try:
                with mapped(descriptor) as file:
                    batches = TimeLimit(seconds).each(
                        _batches(reader, file, request.batch_bytes, memory_bytes)
                    )
                    outcome = _send(connection, batches)
            except MemoryError:
                os._exit(OUT_OF_MEMORY)
            send_outcome(connection, outcome)


@cache
def _reader(form: TypedFormat, memory_bytes: int) -> Reader:
    """Imported when the first file of a format comes: each takes a while, and memory of its own."""
    with memory_not_counted(memory_bytes):
        read: Reader = import_module(f"storage.reading.typed.{form}").read
    return read


def _batches(reader: Reader, file: Mapped, batch_bytes: int, most_bytes: int) -> Iterator[pa.RecordBatch]:
    with told():
        for batch in reader(file.data, batch_bytes):
            for piece in pieces(batch, batch_bytes, most_bytes):
                yield piece
                file.let_go()


def _send(connection: socket.socket, batches: Iterator[pa.RecordBatch]) -> Outcome:
    """The rows of one file, as they are read."""
    writer: Any = None
    pipe = io.BufferedWriter(_Pipe(connection), _BUFFER_BYTES)
    try:
        for batch in batches:
            if writer is None:
                pipe.write(STREAM)
                writer = pa.ipc.new_stream(pipe, batch.schema)
            writer.write_batch(batch)
            pipe.flush()
    except UnreadableError as error:
        return Outcome(error.damage, error.offset, str(error)[:_MAX_DETAIL])
    finally:
        if writer is not None:
            writer.close()
        pipe.flush()
    return Outcome()


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
