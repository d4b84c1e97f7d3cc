"""The endpoint that Prometheus reads: `/metrics`, and `/health` for who supervises it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from socket import AF_INET, AF_INET6
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from pipelines.errors import ServiceError

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_TEXT: Final = [("Content-Type", "text/plain; charset=utf-8")]
_log = logging.getLogger(__name__)


def open_server(registry: CollectorRegistry, host: str, port: int) -> WSGIServer:
    """A server that is bound and does not serve yet; each request gets a thread.

    Args:
        registry: Gives `/metrics`, in the format that the request asks for.
        host: Loopback, unless whoever can reach it may know the names of pipelines and how much they do.
        port: 0 for any that is free.

    Raises:
        ServiceError: The port is taken, or there is no such host.
    """

    class Server(ThreadingWSGIServer):
        address_family = AF_INET6 if ":" in host else AF_INET

    try:
        return make_server(host, port, _routed(make_wsgi_app(registry)), Server, _Handler)
    except OSError as error:
        raise ServiceError(
            "cannot serve metrics here",
            where=f"{host}:{port}",
            got=error.strerror or str(error),
            next_step="take another --host or --port",
        ) from error


def _routed(metrics: Any) -> Application:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                answer: Iterable[bytes] = metrics(environ, start_response)
                return answer
            case "/health":
                start_response("200 OK", _TEXT)
                return [b"ok\n"]
            case _:
                start_response("404 Not Found", _TEXT)
                return [b"see /metrics and /health\n"]

    return application


class _Handler(WSGIRequestHandler):
    """Says nothing on standard error, and hangs up on who does not say what he wants."""

    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)
