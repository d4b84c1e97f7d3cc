"""Counts what an object store sends: an HTTP proxy that forwards every byte as it is.

The signature of an S3 request covers its `Host` header, so that requests pass unchanged: clients take the
proxy for the store, and the store checks the signature against the header that they sent.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote, urlsplit

_PIECE = 2**18
_LONGEST_HEAD = 2**20
_GO_ON = 100
_WITHOUT_BODY = (204, 304)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@dataclass
class Traffic:
    """What went through since the last `reset`: bytes of bodies that the store sent, and requests.

    Attributes:
        log: Bytes of files below a `_delta_log`.
        data: Bytes of all other objects.
        listings: Bytes of listings.
        requests: Of any kind.
        objects: The keys whose bytes were sent, and how many of each.
    """

    log: int = 0
    data: int = 0
    listings: int = 0
    requests: int = 0
    objects: dict[str, int] = field(default_factory=dict)

    def reset(self) -> None:
        """Begins anew."""
        self.log = self.data = self.listings = self.requests = 0
        self.objects = {}

    def add(self, target: str, size: int) -> None:
        """`size` bytes of an answer to a request for `target`."""
        parts = urlsplit(target)
        key = unquote(parts.path)
        if "list-type=" in parts.query or "prefix=" in parts.query:
            self.listings += size
            return
        self.objects[key] = self.objects.get(key, 0) + size
        if "/_delta_log/" in key:
            self.log += size
        else:
            self.data += size


@dataclass(frozen=True)
class CountingProxy:
    """Where clients find it, and what it has counted."""

    endpoint: str
    traffic: Traffic


@contextmanager
def counting_proxy(store_endpoint: str) -> Iterator[CountingProxy]:
    """Runs the proxy in a thread, before the store at `http://HOST:PORT`, until the block ends."""
    traffic = Traffic()
    store = urlsplit(store_endpoint)
    serve = partial(_serve, traffic, store.hostname or "", store.port or 80)
    ready: Future[tuple[int, Callable[[], object]]] = Future()
    thread = threading.Thread(target=asyncio.run, args=(_run(serve, ready),), name="counting-proxy")
    thread.start()
    port, stop = ready.result(10)
    try:
        yield CountingProxy(f"http://127.0.0.1:{port}", traffic)
    finally:
        stop()
        thread.join(10)


async def _run(serve: Serve, ready: Future[tuple[int, Callable[[], object]]]) -> None:
    """Serves until it is told to stop, by the function that it gives; open connections end with it."""
    stopped = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_LONGEST_HEAD)
    loop = asyncio.get_running_loop()
    ready.set_result((server.sockets[0].getsockname()[1], partial(loop.call_soon_threadsafe, stopped.set)))
    await stopped.wait()
    server.close()


async def _serve(
    traffic: Traffic, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One connection, and its own to the store."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        up_reader, up_writer = await asyncio.open_connection(host, port, limit=_LONGEST_HEAD)
        try:
            while await _exchange(traffic, reader, writer, up_reader, up_writer):
                pass
        finally:
            up_writer.close()
            writer.close()


async def _exchange(
    traffic: Traffic,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    up_reader: asyncio.StreamReader,
    up_writer: asyncio.StreamWriter,
) -> bool:
    """One request and its answer; whether the connection goes on."""
    request = await _head(reader)
    method, target = request.split(b" ", 2)[:2]
    traffic.requests += 1
    up_writer.write(request)
    # Beside the answer: a store may want to say "go on" before it is sent a body.
    sending = asyncio.ensure_future(_forward(reader, up_writer, _headers(request), _ignore))
    try:
        return await _answer(traffic, method, target, writer, up_reader)
    finally:
        await sending


async def _answer(
    traffic: Traffic, method: bytes, target: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader
) -> bool:
    """Forwards the answer to a request; whether the connection goes on."""
    answer = await _head(reader)
    while (status := int(answer.split(b" ", 2)[1])) == _GO_ON:
        writer.write(answer)
        answer = await _head(reader)
    writer.write(answer)
    headers = _headers(answer)
    if method != b"HEAD" and status not in _WITHOUT_BODY:
        count = partial(traffic.add, target.decode()) if method == b"GET" else _ignore
        await _forward(reader, writer, headers, count)
    await writer.drain()
    return headers.get(b"connection", b"").lower() != b"close"


def _ignore(_: int) -> None:
    """Counts nothing."""


async def _head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def _headers(head: bytes) -> dict[bytes, bytes]:
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:] if line)
    return {name.strip().lower(): value.strip() for name, _, value in lines}


async def _forward(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    headers: Mapping[bytes, bytes],
    count: Callable[[int], None],
) -> None:
    """A body, whose end its headers tell: no body where they tell none, as S3 always says how long one is."""
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        size = 1
        while size:
            line = await reader.readuntil(b"\r\n")
            writer.write(line)
            size = int(line.split(b";")[0], 16)
            await _forward_bytes(reader, writer, size, count)
            await _forward_bytes(reader, writer, len(b"\r\n"), _ignore)
    else:
        await _forward_bytes(reader, writer, int(headers.get(b"content-length", 0)), count)


async def _forward_bytes(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int, count: Callable[[int], None]
) -> None:
    while size:
        piece = await reader.read(min(size, _PIECE))
        if not piece:
            raise ConnectionError("the other side closed in the middle of a body")
        count(len(piece))
        writer.write(piece)
        await writer.drain()
        size -= len(piece)
