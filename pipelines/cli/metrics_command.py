"""`penstock metrics`."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

import click

from config.settings import Settings
from pipelines.cli.options import common, print_json
from pipelines.errors import ServiceError

if TYPE_CHECKING:
    from pipelines.metrics.watch import Watch

PORT = 9464


@click.command("metrics")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 for any that is free."
)
@click.option("--once", is_flag=True, help="Print the metrics, and serve nothing.")
@common
def command(host: str, port: int, once: bool, as_json: bool) -> None:
    """Serve what all pipelines do, in numbers, for Prometheus.

    Of the pipelines folder, at /metrics; /health answers as long as this runs. Counters come from the logs of
    the tables, so that they count each batch once, whoever ran it.

    \b
    Example:
        penstock metrics --once
    """
    if importlib.util.find_spec("prometheus_client") is None:
        raise ServiceError(
            "metrics need the Prometheus client, which is not installed",
            next_step="pip install 'penstock[service]'",
        )
    # Not at the top: other commands need none of it.
    from prometheus_client import generate_latest

    from pipelines.metrics.collector import as_document, registry_of
    from pipelines.metrics.watch import Watch

    settings = Settings.from_environment()
    if not once:
        _serve(Watch(settings), host, port, as_json)
        return
    registry = registry_of(Watch(settings, patience_s=None).observations)
    if as_json:
        print_json(as_document(registry))
    else:
        click.echo(generate_latest(registry), nl=False)


def _serve(watch: Watch, host: str, port: int, as_json: bool) -> None:
    from pipelines.metrics.collector import registry_of
    from pipelines.metrics.serving import open_server

    with open_server(registry_of(watch.observations), host, port) as server:
        url = f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
        if as_json:
            print_json({"url": url})
        else:
            click.echo(f"metrics at {url}")
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # Ctrl-C or SIGTERM, which is how this ends
            watch.close()
