"""`penstock run`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import click

from config.settings import Settings
from pipelines.cli.options import common, open_pipeline, print_json, prints_go_aside
from pipelines.cli.plain_text import printable
from pipelines.cli.progress_bar import progress_bar
from pipelines.cli.stoppable_progress import StoppableProgress
from pipelines.cli.stopping import Stop
from pipelines.cli.tables import print_table, size, whole
from pipelines.profile import Profile
from pipelines.run import BatchSummary, RunSummary, run

_HEADER = (
    "batch", "files", "read", "records", "written", "quarantined", "dropped", "duplicate", "version", "time",
)  # fmt: skip


@click.command("run")
@click.argument("pipeline")
@click.option("--max-batches", type=click.IntRange(min=1), help="Stop after this many batches.")
@click.option("--profile", is_flag=True, help="Show which stage took how much CPU time.")
@common
@click.pass_context
def command(
    context: click.Context, pipeline: str, max_batches: int | None, profile: bool, as_json: bool
) -> None:
    """Take in what has landed, batch by batch, until caught up.

    PIPELINE is a YAML file, or the name of one in the pipelines folder. Ctrl-C and SIGTERM stop the run:
    batches that are committed stay, the one under way is taken up by the next run.

    \b
    Example:
        penstock run events.yaml
    """
    settings = Settings.from_environment()
    spec = open_pipeline(pipeline, settings)
    stop = context.find_object(Stop) or Stop()
    with stop.patient(), prints_go_aside(), progress_bar(spec.name) as bar, ExitStack() as stack:
        watching = stack.enter_context(Profile()) if profile else None
        result = run(spec, settings, max_batches=max_batches, progress=StoppableProgress(stop, bar))
    spent = watching.cpu_seconds() if watching else None
    _warn(result)
    if as_json:
        print_json(result.as_dict() | ({} if spent is None else {"profile": spent}))
    else:
        _show(result, spent)


def _warn(result: RunSummary) -> None:
    """Of promises to readers that the last batch has left broken."""
    for promise in result.batches[-1].readers if result.batches else ():
        if warning := promise.warning():
            click.secho(f"warning: {printable(warning)}", fg="yellow", err=True)


def _show(result: RunSummary, spent: Mapping[str, float] | None) -> None:
    if result.batches:
        print_table(_HEADER, [_cells(one) for one in result.batches])
    for one in result.batches:
        if one.undoes:
            click.echo(f"batch {one.batch}: undid batch {one.undoes}, {whole(one.rows_removed)} rows less")
    if spent:
        whole_s = sum(spent.values())
        cells = [[stage, f"{one_s:.2f} s", f"{one_s / whole_s:.0%}"] for stage, one_s in spent.items()]
        print_table(("stage", "CPU", "share"), cells)
    click.echo(f"{result.pipeline}: " + ("caught up" if result.caught_up else "more may wait"))


def _cells(one: BatchSummary) -> list[str]:
    return [
        whole(one.batch),
        whole(one.files),
        size(one.bytes_read),
        whole(one.records_read),
        whole(one.rows_written),
        whole(one.rows_quarantined),
        whole(one.rows_dropped),
        whole(one.rows_duplicate),
        whole(one.table_version),
        f"{one.seconds:.1f} s",
    ]
