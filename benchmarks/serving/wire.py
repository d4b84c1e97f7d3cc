"""Counts the bytes of TCP connections: a proxy that knows nothing of what goes through."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

_PIECE = 2**20

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@dataclass
class Wire:
    """What went through.

    Attributes:
        uri: Where the proxy listens, in the words of the server's.
        sent: Bytes to the server.
        received: Bytes from it; without the headers of TCP.
    """

    uri: str = ""
    sent: int = 0
    received: int = 0


@contextmanager
def counting_wire(uri: str) -> Iterator[Wire]:
    """Runs the proxy in a thread, before the server at `uri`, until the block ends."""
    wire, server = Wire(), urlsplit(uri)
    serve = partial(_serve, wire, server.hostname or "", server.port or 0)
    ready: Future[tuple[int, Callable[[], object]]] = Future()
    thread = threading.Thread(target=asyncio.run, args=(_run(serve, ready),), name="counting-wire")
    thread.start()
    port, stop = ready.result(10)
    wire.uri = f"{server.scheme}://127.0.0.1:{port}"
    try:
        yield wire
    finally:
        stop()
        thread.join(10)


async def _run(serve: Serve, ready: Future[tuple[int, Callable[[], object]]]) -> None:
    stopped = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    ready.set_result((server.sockets[0].getsockname()[1], partial(loop.call_soon_threadsafe, stopped.set)))
    await stopped.wait()
    server.close()


async def _serve(
    wire: Wire, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One connection, both ways at the same time."""
    up_reader, up_writer = await asyncio.open_connection(host, port)

    def sent(size: int) -> None:
        wire.sent += size

    def received(size: int) -> None:
        wire.received += size

    try:
        await asyncio.gather(_forward(reader, up_writer, sent), _forward(up_reader, writer, received))
    finally:
        up_writer.close()
        writer.close()


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None]
) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(_PIECE):
            count(len(piece))
            writer.write(piece)
            await writer.drain()
    writer.close()
