"""Stands in front of a store, and counts what is fetched through it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """What went through.

    Attributes:
        endpoint: Where the proxy listens.
        bytes: Of objects, in the order of the answers to GET; without headers.
        methods: Of all requests.
    """

    endpoint: str = ""
    bytes: list[int] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)


@contextmanager
def counting_proxy(endpoint: str) -> Iterator[Seen]:
    """Forwards requests as they are, so that their signatures hold, to the server at `endpoint`."""
    seen = Seen()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(endpoint.rpartition("//")[2], seen))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    seen.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(upstream: str, seen: Seen) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            connection = http.client.HTTPConnection(upstream)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            seen.methods.append(self.command)
            if self.command == "GET":
                seen.bytes.append(len(body))
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = _forward  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler
