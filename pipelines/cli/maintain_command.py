"""`penstock maintain`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from config.settings import Settings
from pipelines.cli.options import common, pipeline_or_uri, print_json
from pipelines.cli.plain_text import printable
from pipelines.maintain import maintain
from pipelines.reports.tended import sentence
from storage.maintenance.tending import TASKS, Tended


@click.command("maintain")
@click.argument("table")
@click.option("--compact", is_flag=True, help="Make small files large, two or more, whatever their number.")
@click.option("--vacuum", is_flag=True, help="Remove the files that nobody needs any more.")
@click.option("--checkpoint", is_flag=True, help="Make a checkpoint of the log, however short it is.")
@common
def command(table: str, as_json: bool, **flags: bool) -> int:
    """Do what a table is due for, and say what and why; its ledger and its quarantine too.

    TABLE is a pipeline, or the URI of a Delta table; files are compacted in the order that the pipeline
    names, so that a URI alone cannot be compacted. Without options everything is done that is due by
    `table.upkeep` of the pipeline.

    \b
    Example:
        penstock maintain events.yaml
    """
    settings = Settings.from_environment()
    target = pipeline_or_uri(table, settings)
    asked = tuple(task for task in TASKS if flags[task])
    outcomes = maintain(target, settings, asked)
    found = list(outcomes) if as_json else list(_shown(outcomes))
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        click.echo(f"{table}: no table yet, the first batch makes it")
    return 1 if any(one.task in asked and one.state == "refused" for one in found) else 0


def _shown(outcomes: Iterator[Tended]) -> Iterator[Tended]:
    """Each of them, once it has been told."""
    for one in outcomes:
        click.echo(printable(f"{one.uri}: {sentence(one)}"))
        yield one
