"""The proxy counts what a store sends, and changes none of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

import pytest

from benchmarks.tables.counting_proxy import CountingProxy, counting_proxy

OBJECTS = {"/lake/t/part-0.parquet": os.urandom(300_000), "/lake/t/_delta_log/0.json": b"{}\n"}


class Store(BaseHTTPRequestHandler):
    """Serves objects, in chunks where it is asked to, takes what it is sent, and keeps connections."""

    protocol_version = "HTTP/1.1"
    hosts: list[str | None] = []  # noqa: RUF012 - of the one server of the test

    def do_GET(self) -> None:
        """An object, or else a listing."""
        self.hosts.append(self.headers["Host"])
        body = OBJECTS.get(self.path, b"listing")
        self.send_response(200)
        if self.headers["X-Chunked"]:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (body[:1000], body[1000:], b""):
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        """How long an object is."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(OBJECTS[self.path])))
        self.end_headers()

    def do_PUT(self) -> None:
        """Keeps an object."""
        OBJECTS[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def proxy() -> Iterator[CountingProxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    server.daemon_threads = True
    Store.hosts.clear()
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with counting_proxy(f"http://127.0.0.1:{server.server_address[1]}") as proxy:
        yield proxy
    server.shutdown()
    server.server_close()


def fetch(proxy: CountingProxy, path: str, *, method: str = "GET", **headers: str) -> bytes:
    body = b"x" * 70_000 if method == "PUT" else None
    with urlopen(Request(proxy.endpoint + path, body, headers, method=method), timeout=10) as answer:
        data: bytes = answer.read()
    return data


@pytest.mark.parametrize("headers", [{}, {"X-Chunked": "yes"}])
def test_proxy_counts_bodies_by_what_they_are(proxy: CountingProxy, headers: dict[str, str]) -> None:
    for path, body in OBJECTS.items():
        assert fetch(proxy, path, **headers) == body
    fetch(proxy, "/lake?list-type=2&prefix=t/", **headers)

    counted = proxy.traffic
    assert (counted.data, counted.log, counted.listings, counted.requests) == (300_000, 3, 7, 3)
    assert counted.objects == {path: len(body) for path, body in OBJECTS.items()}


def test_proxy_leaves_the_host_that_requests_are_signed_for(proxy: CountingProxy) -> None:
    fetch(proxy, "/lake/t/part-0.parquet")

    assert Store.hosts == [proxy.endpoint.removeprefix("http://")]


def test_proxy_forwards_what_is_sent_and_counts_no_body_of_it(proxy: CountingProxy) -> None:
    fetch(proxy, "/lake/new", method="PUT")
    fetch(proxy, "/lake/new", method="HEAD")

    assert OBJECTS.pop("/lake/new") == b"x" * 70_000
    assert (proxy.traffic.data, proxy.traffic.requests) == (0, 2)


def test_reset_begins_anew(proxy: CountingProxy) -> None:
    fetch(proxy, "/lake/t/part-0.parquet")

    proxy.traffic.reset()

    assert (proxy.traffic.data, proxy.traffic.requests, proxy.traffic.objects) == (0, 0, {})
