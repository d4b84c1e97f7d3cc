"""`penstock history`."""

from __future__ import annotations

from typing import Any

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

    TABLE is the URI of a Delta table, or a pipeline. Newest first; versions that are no batch have no
    pipeline, batch and counts. The last columns are files that came and went, and what else there is to say:
    the counts of a merge, the batch that was undone, the columns that changed.

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
        ["version", "when (UTC)", "operation", "pipeline", "batch", "rows", "quarantined", "files", "what"],
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
        _files(one),
        _what(one),
    ]


def _files(one: Version) -> str:
    """Files that came and that went."""
    if one.files_added is None or one.files_removed is None:
        return "-"
    return f"+{whole(one.files_added)}" + (f" -{whole(one.files_removed)}" if one.files_removed else "")


def _what(one: Version) -> str:
    """What there is to say beside the numbers of a batch."""
    if one.undoes is not None:
        return f"undid batch {one.undoes}, {whole(one.counts['removed'])} rows less"
    if one.rebuilds is not None:
        return f"rebuilt what batches up to {one.rebuilds} had, {whole(one.counts['removed'])} rows"
    counts = [f"{whole(count)} {name}" for name, count in one.counts.items() if count]
    return ", ".join([*counts, *(_column_change(how, which) for how, which in one.columns.items())])


def _column_change(how: str, which: Any) -> str:
    names = [f"{name} ({kind})" for name, kind in which.items()] if isinstance(which, dict) else which
    return f"{how} {', '.join(names)}"
