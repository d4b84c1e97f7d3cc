"""Ends the connection of a client that has opened a push, and sends nothing any more.

A batch is awaited in native code, which cannot be told to stop, and gRPC has no limit of its own that pyarrow
would set. So the connection is shut: the wait ends as it does when a client is killed. Other requests of the
connection end with it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final
from urllib.parse import unquote

_LOG: Final = logging.getLogger(__name__)
_SOCKETS: Final = Path("/dev/fd")


@contextmanager
def connection_ended(peer: str, after_s: float) -> Iterator[None]:
    """Around what waits for the client: where the block takes longer, the connection ends.

    Args:
        peer: As gRPC names the other side of the connection: `ipv4:127.0.0.1:40000`, `ipv6:%5B::1%5D:40000`.
        after_s: How long the block may take.
    """
    timer = threading.Timer(after_s, _end, [peer])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(peer: str) -> None:
    _LOG.warning("the connection of %s ends: it pushes nothing any more", peer)
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    for one in _SOCKETS.iterdir():
        with suppress(OSError), closing(_socket(int(one.name))) as connection:
            if _peer(connection) == (_plain(host), port):
                connection.shutdown(socket.SHUT_RDWR)


def _socket(number: int) -> socket.socket:
    """A handle of our own: the number may mean something else the next moment."""
    copy = os.dup(number)
    try:
        return socket.socket(fileno=copy)
    except OSError:  # no socket
        os.close(copy)
        raise


def _peer(connection: socket.socket) -> tuple[str, str] | None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    host, port, *_ = connection.getpeername()
    return _plain(host), f"{port}"


def _plain(host: str) -> str:
    """The same for the same address, however it is written: as IPv4 within IPv6, in brackets, with a zone."""
    found = ip_address(host.strip("[]").partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
