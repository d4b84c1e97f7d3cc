"""`penstock run`."""

from __future__ import annotations

import click

from config.settings import Settings
from pipelines.cli.options import common, open_pipeline, print_json
from pipelines.cli.progress_bar import progress_bar
from pipelines.cli.tables import print_table, size, whole
from pipelines.run import RunSummary, run


@click.command("run")
@click.argument("pipeline")
@click.option("--max-batches", type=click.IntRange(min=1), help="Stop after this many batches.")
@common
def command(pipeline: str, max_batches: int | None, as_json: bool) -> None:
    """Take in what has landed, batch by batch, until caught up.

    \b
    Example:
        penstock run events.yaml
    """
    settings = Settings.from_environment()
    spec = open_pipeline(pipeline, settings)
    with progress_bar(spec.name) as progress:
        result = run(spec, settings, max_batches=max_batches, progress=progress)
    if as_json:
        print_json(result.as_dict())
    else:
        _show(result)


def _show(result: RunSummary) -> None:
    if result.batches:
        print_table(
            [
                "batch",
                "files",
                "read",
                "records",
                "written",
                "quarantined",
                "dropped",
                "duplicate",
                "version",
                "time",
            ],
            [
                [
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
                for one in result.batches
            ],
        )
    click.echo(f"{result.pipeline}: " + ("caught up" if result.caught_up else "more may wait"))
