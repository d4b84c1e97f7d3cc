"""`penstock scan`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import polars as pl

from config.settings import Settings
from pipelines.cli.json_rows import encodable, print_json_rows
from pipelines.cli.options import common, table_uri
from pipelines.cli.plain_text import counted, whole
from pipelines.cli.tables import print_table
from pipelines.reports.scan import Scan, scan
from storage.upstream import translated

_LIMIT_FOR_PEOPLE = 20


@click.command("scan")
@click.argument("table")
@click.option("--where", metavar="SQL", help="A condition over the columns, such as: actor.id < 100.")
@click.option("--select", metavar="COLUMNS", help="Columns, or dotted paths to fields, between commas.")
@click.option("--version", type=click.IntRange(min=0), help="A version of the table; by default the newest.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows; 20 by default, --json: all.")
@common
def command(
    table: str, where: str | None, select: str | None, version: int | None, limit: int | None, as_json: bool
) -> None:
    """Read a table.

    TABLE is the URI of a Delta table, or a pipeline. Rows come in no order. Condition and columns reach the
    files, so that what cannot match is not read. Times: at >= timestamptz '2026-01-05 12:00:00'.

    \b
    Example:
        penstock scan events.yaml --where "event_date = date '2026-01-05'" --select id,actor.login
    """
    uri = table_uri(table, Settings.from_environment())
    columns = [name.strip() for name in select.split(",")] if select is not None else []
    found = scan(uri, where=where, select=columns, version=version)
    if as_json:
        rows = found.rows.select(encodable(found.rows.collect_schema()))
        rows = rows if limit is None else rows.head(limit)
        print_json_rows(_frames(rows, uri))
        return
    shown = _LIMIT_FOR_PEOPLE if limit is None else limit
    with translated("read the table", uri):
        page = found.rows.head(shown + 1).collect(engine="streaming")
    _show(found, page, shown, where)


def _frames(rows: pl.LazyFrame, uri: str) -> Iterator[pl.DataFrame]:
    with translated("read the table", uri):
        yield from rows.collect_batches(engine="streaming")


def _show(found: Scan, page: pl.DataFrame, limit: int, where: str | None) -> None:
    rows = page.head(limit)
    if rows.width and rows.height:
        print_table(rows.columns, cells(rows))
    more = page.height > limit
    if where is not None:
        total = "there are more" if more else "there are no others"
    elif found.table_rows is not None:
        total = f"of {whole(found.table_rows)}"
    else:
        total = "there are more" if more else "that is all"
    comma = "" if total.startswith("of") else ","
    click.echo(f"{counted(rows.height, 'row')}{comma} {total}; version {found.version}")


def cells(page: pl.DataFrame) -> list[list[str]]:
    """A page of rows as text; times in UTC, without the zeros of a second's fraction."""
    zoned = pl.selectors.datetime(time_zone="*")
    page = page.with_columns(zoned.dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%d %H:%M:%S%.fZ"))
    text = page.select(encodable(page.schema)).write_json()
    # row objects allowed: one page for a person
    return [[_cell(value) for value in row.values()] for row in json.loads(text)]


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
