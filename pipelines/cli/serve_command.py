"""`penstock serve`."""

from __future__ import annotations

import click

from config.settings import Settings
from pipelines.cli.options import common, print_json
from serving.catalog import Catalog
from serving.flight.server import FlightSqlServer
from serving.queries.query import Engine


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", default=31337, show_default=True, help="The port to listen at; 0 for any that is free."
)
@common
def command(host: str, port: int, as_json: bool) -> None:
    """Serve the tables of the pipelines folder over Arrow Flight SQL, until Ctrl-C.

    \b
    Example:
        penstock serve --port 31337
    """
    settings = Settings.from_environment()
    engine = Engine(Catalog(settings), memory_bytes=settings.memory_bytes, threads=settings.threads)
    with FlightSqlServer(engine, f"grpc://{host}:{port}") as server:
        uri = f"grpc://{host}:{server.port}"
        if as_json:
            print_json({"uri": uri})
        else:
            click.echo(f"serving {settings.pipelines} at {uri}")
        server.wait()
