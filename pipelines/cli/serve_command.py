"""`penstock serve`."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from config.settings import Settings
from pipelines.cli.options import common, print_json
from pipelines.cli.outcome import DONE
from pipelines.cli.stopping import Stop
from pipelines.errors import ServiceError
from serving.security.transport import Transport

if TYPE_CHECKING:
    from serving.flight.server import FlightSqlServer

PORT: Final = 31337
_DRAIN_S: Final = 3.0
"""What requests get to come to an end, before they are ended."""
_LOOKS_UP_S: Final = 0.5
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 for any that is free."
)
@click.option("--access", type=_FILE, help="Who may do what; without it anybody here may read.")
@click.option("--tls-cert", type=_FILE, help="The server's certificate, PEM; with --tls-key.")
@click.option("--tls-key", type=_FILE, help="Its key, PEM.")
@click.option(
    "--client-ca", type=_FILE, help="Lets in clients alone that have a certificate of this CA, PEM."
)
@common
@click.pass_context
def command(
    context: click.Context,
    host: str,
    port: int,
    access: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    as_json: bool,
) -> None:
    """Serve the tables of the pipelines folder over Arrow Flight SQL, until Ctrl-C.

    On the loopback address, without an access file, anybody may read all tables. On all others it needs a
    certificate and an access file; see `penstock token`.

    \b
    Example:
        penstock serve --host 0.0.0.0 --access access.toml --tls-cert cert.pem --tls-key key.pem
    """
    transport = Transport(host, port, tls_cert, tls_key, client_ca)
    transport.check(has_access=access is not None)
    server = _open(transport, access)
    _log_requests()
    uri = transport.uri(server.port)
    (context.find_object(Stop) or Stop()).hand_over()
    try:
        if as_json:
            print_json({"uri": uri})
        else:
            click.echo(f"serving {Settings.from_environment().pipelines} at {uri}")
        sys.stdout.flush()
        while not threading.Event().wait(_LOOKS_UP_S):  # a signal just before a wait does not end that
            pass
    except KeyboardInterrupt:  # Ctrl-C or SIGTERM, which is how this ends
        if not server.stop(_DRAIN_S):
            # A client that fetches nothing holds a thread of native code, which would keep the process.
            sys.stderr.flush()
            os._exit(DONE)


def _open(transport: Transport, access: Path | None) -> FlightSqlServer:
    if any(importlib.util.find_spec(name) is None for name in ("datafusion", "google.protobuf")):
        raise ServiceError(
            "the server needs DataFusion and protobuf, which are not installed",
            next_step="pip install 'penstock[serving]'",
        )
    if sys.platform == "linux":  # where pyarrow has it: what stays in memory takes a quarter less of it
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    # Not at the top: whoever is refused need not wait for the engine.
    import pyarrow as pa

    from serving.catalog import Catalog
    from serving.flight.server import FlightSqlServer
    from serving.queries.query import Engine
    from serving.security.door import Door

    settings = Settings.from_environment()
    door = None if access is None else Door(access)
    engine = Engine(Catalog(settings), memory_bytes=settings.memory_bytes, threads=settings.threads)
    try:
        return FlightSqlServer(engine, transport.uri(), door, **transport.options())
    except (pa.ArrowException, OSError) as error:
        raise ServiceError(
            "cannot serve here",
            where=transport.uri(),
            got="what standard error says above",
            next_step="take another --host or --port, and check the files of TLS",
        ) from error


def _log_requests() -> None:
    log = logging.getLogger("penstock.requests")
    log.setLevel(logging.INFO)
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        log.addHandler(handler)
        log.propagate = False
