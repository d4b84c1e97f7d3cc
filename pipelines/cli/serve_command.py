"""`penstock serve`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from config.settings import Settings
from pipelines.cli.options import common, print_json
from serving.security.transport import Transport

PORT = 31337
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
def command(
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
    # Not at the top: whoever is refused need not wait for the engine.
    from serving.catalog import Catalog
    from serving.flight.server import FlightSqlServer
    from serving.queries.query import Engine
    from serving.security.door import Door

    settings = Settings.from_environment()
    door = None if access is None else Door(access)
    engine = Engine(Catalog(settings), memory_bytes=settings.memory_bytes, threads=settings.threads)
    with FlightSqlServer(engine, transport.uri(), door, **transport.options()) as server:
        uri = transport.uri(server.port)
        if as_json:
            print_json({"uri": uri})
        else:
            click.echo(f"serving {settings.pipelines} at {uri}")
        sys.stdout.flush()
        server.wait()
