"""`penstock up`."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.settings import Settings
from pipelines.cli.options import common, print_json
from pipelines.cli.plain_text import printable
from pipelines.cli.stopping import Stop
from pipelines.errors import ServiceError

if TYPE_CHECKING:
    from pipelines.service.data_folder import DataFolder
    from pipelines.service.part import Part

_PORT = click.IntRange(1, 65535)
_FOR_SHELLS = ("AWS_", "DO_NOT_TRACK", "PENSTOCK_", "PREFECT_API_URL")
_LAND = (
    'curl --aws-sigv4 aws:amz:us-east-1:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" '
    '-T events.ndjson "$AWS_ENDPOINT_URL/landing/events/"'
)


@click.command("up")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=".penstock",
    show_default=True,
    envvar="PENSTOCK_UP_DATA",
    help="The folder that keeps everything.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    envvar="PENSTOCK_UP_HOST",
    help="The address of Prefect and of the metrics. Any but loopback needs a password.",
)
@click.option(
    "--store-port",
    type=click.IntRange(1, 55_531),
    default=8333,
    show_default=True,
    envvar="PENSTOCK_UP_STORE_PORT",
    help="S3; the four ports after it, and each of the five plus 10,000, are the store's too.",
)
@click.option(
    "--prefect-port",
    type=_PORT,
    default=4200,
    show_default=True,
    envvar="PENSTOCK_UP_PREFECT_PORT",
    help="Prefect's API and UI.",
)
@click.option(
    "--metrics-port",
    type=_PORT,
    default=9464,
    show_default=True,
    envvar="PENSTOCK_UP_METRICS_PORT",
    help="Metrics for Prometheus.",
)
@click.option(
    "--serve-port",
    type=_PORT,
    default=31337,
    show_default=True,
    envvar="PENSTOCK_UP_SERVE_PORT",
    help="The tables over Arrow Flight SQL.",
)
@click.option("--store/--no-store", default=True, help="Or use the store of the AWS_… variables instead.")
@common
@click.pass_context
def command(
    context: click.Context,
    data: Path,
    host: str,
    store_port: int,
    prefect_port: int,
    metrics_port: int,
    serve_port: int,
    store: bool,
    as_json: bool,
) -> None:
    """Run the whole service as processes of this machine, until Ctrl-C.

    An object store, the Prefect server with its UI, the deployments of all pipelines of the pipelines
    folder, a worker, metrics, and the tables over Arrow Flight SQL. -v shows the logs of all of them.

    \b
    Example:
        penstock up
    """
    _check_extra()
    # Not at the top: other commands need none of it.
    from pipelines.service.data_folder import open_data_folder
    from pipelines.service.parts import Places, service_environment, service_parts
    from pipelines.service.ports import check_host, check_ports
    from pipelines.service.service import run_service

    check_host(host, os.environ)
    settings = Settings.from_environment()
    places = Places(
        host=host,
        store=store_port if store else None,
        prefect=prefect_port,
        metrics=metrics_port,
        serve=serve_port,
    )
    folder = open_data_folder(data)
    environment = service_environment(folder, places, os.environ)
    environment["PENSTOCK_PIPELINES"] = str(settings.pipelines.resolve())
    parts = service_parts(folder, places)
    check_ports(parts)
    os.environ.update(environment)  # this process is the service: what it starts, and itself, use this store
    folder.keep_environment({name: environment[name] for name in environment if name.startswith(_FOR_SHELLS)})
    (context.find_object(Stop) or Stop()).hand_over()
    run_service(
        folder,
        parts,
        verbose=logging.getLogger().isEnabledFor(logging.DEBUG),
        on_ready=lambda part: None if as_json else _show(part, folder),
        on_all_ready=lambda: print_json(_document(folder, parts)) if as_json else _explain(folder, data),
    )


def _check_extra() -> None:
    for module in ("honcho", "prometheus_client"):
        if importlib.util.find_spec(module) is None:
            raise ServiceError(
                "the service needs packages that are not installed",
                got=f"no {module}",
                next_step="pip install 'penstock[service]'",
            )


def _show(part: Part, folder: DataFolder) -> None:
    """One line: the name, and the URL, or what a command that has ended said last."""
    said = folder.last_line(part.name) if part.is_ready is None else ""
    click.echo(f"{part.name:<8} ready  {printable(part.url or said)}".rstrip())


def _explain(folder: DataFolder, data: Path) -> None:
    click.echo(
        f"\nAll is ready. Pipelines: {os.environ['PENSTOCK_PIPELINES']}; logs: {folder.path / 'logs'}\n"
        "To land a file, and to use other commands beside the service:\n"
        f"    . {data}/{folder.environment_file.name}\n"
        f"    {_LAND}\n"
        "    penstock deploy            # after pipeline files have changed\n"
        "Ctrl-C stops everything; the next start goes on with the same data."
    )


def _document(folder: DataFolder, parts: Sequence[Part]) -> dict[str, object]:
    return {
        "ready": True,
        "parts": {one.name: {"url": one.url, "log": str(folder.log(one.name))} for one in parts},
        "environment_file": str(folder.environment_file),
    }
