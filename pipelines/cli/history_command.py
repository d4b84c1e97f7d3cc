"""`penstock history`."""

from __future__ import annotations

import click

from config.settings import Settings
from pipelines.cli.options import common, print_json, table_uri
from pipelines.cli.plain_text import moment, whole
from pipelines.cli.tables import print_table
from pipelines.reports.history import Version, history

_LIMIT_FOR_PEOPLE = 20


@click.command("history")
@click.argument("table")
@click.option("--limit", type=click.IntRange(min=1), help="The newest N; 20 by default, with --json: all.")
@common
def command(table: str, limit: int | None, as_json: bool) -> None:
    """Show the versions of a table: when, operation, batch, counts.

    TABLE is the URI of a Delta table, or a pipeline. Newest first; versions that Penstock did not write have
    no pipeline, batch and counts.

    \b
    Example:
        penstock history events.yaml
    """
    uri = table_uri(table, Settings.from_environment())
    if as_json:
        print_json([one.as_dict() for one in history(uri, limit)])
        return
    versions = history(uri, limit or _LIMIT_FOR_PEOPLE)
    print_table(
        ["version", "when (UTC)", "operation", "pipeline", "batch", "rows", "quarantined"],
        [_cells(one) for one in versions],
    )
    if limit is None and versions[-1].version > 0 and len(versions) == _LIMIT_FOR_PEOPLE:
        click.echo("older ones: --limit N, or --json for all")


def _cells(one: Version) -> list[str]:
    counts = ("-" if count is None else whole(count) for count in (one.batch, one.rows, one.quarantined))
    return [
        str(one.version),
        moment(one.timestamp).removesuffix(" UTC"),
        one.operation,
        one.pipeline or "-",
        *counts,
    ]
