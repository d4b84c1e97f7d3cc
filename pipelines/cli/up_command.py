"""`penstock up`."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import click

from pipelines.cli.options import common, print_json
from pipelines.cli.stopping import Stop
from pipelines.errors import ServiceError


@click.command("up")
@click.option("--data", type=click.Path(path_type=Path), default=".penstock", show_default=True)
@click.option("--store-port", type=click.IntRange(1, 55531), default=8333, show_default=True)
@click.option("--prefect-port", type=click.IntRange(1, 65535), default=4200, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@common
@click.pass_context
def command(
    context: click.Context, data: Path, store_port: int, prefect_port: int, host: str, as_json: bool
) -> None:
    """Run the whole service as processes of this machine."""
    # What it needs beyond other commands is imported when it runs.
    from pipelines.service.data_folder import open_data_folder
    from pipelines.service.part import Part
    from pipelines.service.parts import Ports, service_environment, service_parts
    from pipelines.service.ports import check_ports
    from pipelines.service.service import run_service

    if importlib.util.find_spec("honcho") is None:
        raise ServiceError("no honcho", next_step="pip install 'penstock[service]'")
    folder = open_data_folder(data)
    ports = Ports(store=store_port, prefect=prefect_port)
    environment = service_environment(folder, host, ports)
    os.environ.update(environment)
    parts = service_parts(folder, host, ports)
    check_ports(parts, host)
    folder.keep_environment(
        {name: value for name, value in environment.items() if name.startswith(("AWS_", "PREFECT_API_URL"))}
    )
    (context.find_object(Stop) or Stop()).hand_over()

    def on_ready(part: Part) -> None:
        if not as_json:
            click.echo(f"{part.name} ready {part.url or ''}")

    def on_all_ready() -> None:
        if as_json:
            print_json(
                {
                    "ready": True,
                    "parts": {one.name: {"url": one.url, "log": str(folder.log(one.name))} for one in parts},
                }
            )

    run_service(folder, parts, verbose=False, on_ready=on_ready, on_all_ready=on_all_ready)
