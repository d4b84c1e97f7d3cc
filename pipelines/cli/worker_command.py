"""`penstock worker`."""

from __future__ import annotations

import os

import click

from pipelines.cli.options import common, prints_go_aside
from pipelines.cli.stopping import Stop

_DEFAULTS = {
    "PREFECT_WORKER_QUERY_SECONDS": "1",  # a run begins about half a second after its time
    "PREFECT_WORKER_PREFETCH_SECONDS": "0",  # the next tick is not taken up while this one runs
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # a run that lost its worker is known as lost after minutes
    "OPENBLAS_NUM_THREADS": "1",  # a process that forks must have no threads
}


@click.command("worker")
@click.option("--pool", default="penstock", show_default=True, help="The work pool whose runs it takes.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Runs at the same time, at most.",
)
@click.option("--name", help="Its name in the Prefect UI.")
@common
@click.pass_context
def command(
    context: click.Context,
    pool: str,
    limit: int,
    name: str | None,
    as_json: bool,  # noqa: ARG001  # for the errors that end it
) -> None:
    """Run what is due on the Prefect server of PREFECT_API_URL, until stopped.

    Each run is a process of its own, in the current folder and with this environment. It is a Prefect
    worker like any other, but its runs start in a fraction of the time. It tells what it does on standard
    error; --json is for the errors that end it.

    \b
    Example:
        penstock worker --limit 4
    """
    for setting, value in _DEFAULTS.items():
        os.environ.setdefault(setting, value)
    from pipelines.deployments.work import work  # imports Prefect, which takes seconds

    (context.find_object(Stop) or Stop()).hand_over()
    with prints_go_aside():
        work(pool=pool, limit=limit, name=name)
