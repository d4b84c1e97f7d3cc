"""A proxy in front of the S3 server that does what stores and networks do at their worst.

It can take the header `If-None-Match` out of requests, as stores do that do not know it, or look first and
write later, as stores do that know nothing of races, and swallow answers after the request was carried out.
Requests are signed anew, because the header is signed with the others.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from botocore.auth import SIGNED_HEADERS_BLACKLIST, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.object_store import ObjectStore

_NOT_PASSED_ON = {
    "host",
    "authorization",
    "connection",
    "content-length",
    "transfer-encoding",
    *SIGNED_HEADERS_BLACKLIST,
}

Request = tuple[str, str]
"""Method, and path with the query."""


@dataclass
class FaultProxy:
    """What the proxy does to requests, to be set at any time, and what it has seen.

    Attributes:
        endpoint: Where it listens.
        ignores_conditions: Whether `If-None-Match` is dropped.
        looks_too_early: Whether `If-None-Match` is decided some milliseconds before the object is written.
        swallows: The requests that are carried out and not answered.
        seen: The requests so far.
    """

    endpoint: str
    ignores_conditions: bool = False
    looks_too_early: bool = False
    swallows: Callable[[Request], bool] = lambda _: False
    seen: list[Request] = field(default_factory=list)


@contextmanager
def running_fault_proxy(store: ObjectStore) -> Iterator[FaultProxy]:
    """Starts the proxy on a free port, and stops it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.store = store  # type: ignore[attr-defined]
    server.proxy = FaultProxy(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.proxy  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _forward(self) -> None:
        proxy: FaultProxy = self.server.proxy  # type: ignore[attr-defined]
        request = self.command, self.path
        proxy.seen.append(request)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        if proxy.looks_too_early and "If-None-Match" in self.headers:
            there, _ = self._carry_out("HEAD", {}, b"")
            time.sleep(0.01)
            if there.status == 404:  # else the store itself will say that something is there
                headers = _without_condition(headers)
        if proxy.ignores_conditions:
            headers = _without_condition(headers)
        answer, data = self._carry_out(self.command, headers, body)
        if proxy.swallows(request):
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _forward  # noqa: N815 - as the base calls them

    def _carry_out(
        self, method: str, headers: dict[str, str], body: bytes
    ) -> tuple[http.client.HTTPResponse, bytes]:
        store: ObjectStore = self.server.store  # type: ignore[attr-defined]
        keys = store.environment()
        request = AWSRequest(method, f"{store.endpoint}{self.path}", headers, body)
        signer = S3SigV4Auth(
            Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]), "s3", keys["AWS_REGION"]
        )
        signer.add_auth(request)
        connection = http.client.HTTPConnection(urlsplit(store.endpoint).netloc)
        try:
            connection.request(method, self.path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()


def _without_condition(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "if-none-match"}
