"""`penstock scan`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import click
import polars as pl

from config.settings import Settings
from pipelines.cli.json_rows import encodable, print_json_rows
from pipelines.cli.moments import Moment
from pipelines.cli.options import common, print_json, table_uri
from pipelines.cli.plain_text import counted, whole
from pipelines.cli.stacked_bar import MARKS, stacked_bar
from pipelines.cli.tables import print_table, size
from pipelines.reports.scan import LEVELS, Explanation, Scan, explain, levels, scan
from storage.streaming import streamed
from storage.upstream import translated

_LIMIT_FOR_PEOPLE = 20


@click.command("scan")
@click.argument("table")
@click.option("--where", metavar="SQL", help="A condition over the columns, such as: actor.id < 100.")
@click.option("--select", metavar="COLUMNS", help="Columns, or dotted paths to fields, between commas.")
@click.option("--version", type=click.IntRange(min=0), help="A version of the table; by default the newest.")
@click.option("--at", type=Moment(), metavar="TIME", help="The newest version that was there at this time.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows; 20 by default, --json: all.")
@click.option("--explain", "explains", is_flag=True, help="Run it; show what was skipped, and what was read.")
@common
def command(
    table: str,
    where: str | None,
    select: str | None,
    version: int | None,
    at: datetime | None,
    limit: int | None,
    explains: bool,
    as_json: bool,
) -> None:
    """Read a table.

    TABLE is the URI of a Delta table, or a pipeline. Rows come in no order. Condition and columns reach the
    files, so that what cannot match is not read. Times: at >= timestamptz '2026-01-05 12:00:00'.

    \b
    Example:
        penstock scan events.yaml --where "event_date = date '2026-01-05'" --select id,actor.login
    """
    if version is not None and at is not None:
        raise click.UsageError("--version and --at are two ways to say the same: give one of them")
    uri = table_uri(table, Settings.from_environment())
    columns = [name.strip() for name in select.split(",")] if select is not None else []
    found = scan(uri, where=where, select=columns, version=version, at=at, counted=explains)
    rows = found.rows if limit is None else found.rows.head(limit)
    if explains:
        took = explain(replace(found, rows=rows), uri)
        print_json(took.as_dict()) if as_json else _explain(took)
        return
    if as_json:
        print_json_rows(_frames(rows.select(encodable(rows.collect_schema())), uri))
        return
    shown = _LIMIT_FOR_PEOPLE if limit is None else limit
    with translated("read the table", uri):
        page = found.rows.head(shown + 1).collect(engine="streaming")
    _show(found, page, shown, where)


_BAR_WIDTH = 60


def _explain(took: Explanation) -> None:
    one = took.measured
    totals = (one.partitions, one.files, one.row_groups, one.bytes)
    found = levels(one)
    rows = [
        [name, _amount(name, total), *(_amount(name, part) for part in parts)]
        for (name, parts), total in zip(found.items(), totals, strict=True)
    ]
    print_table(("", "total", *LEVELS), rows)
    click.echo()
    _draw({name: [part or 0 for part in parts] for name, parts in found.items()})
    fetched, total = one.fetched, max(1, one.bytes)
    click.echo(
        f"{counted(took.rows, 'row')}; version {took.version}; {whole(fetched.bytes)} bytes in "
        f"{counted(fetched.requests, 'request')}, {100 * fetched.bytes / total:.2f} % of the table"
    )


def _amount(level: str, part: int | None) -> str:
    return "" if part is None else size(part) if level == "bytes" else whole(part)


def _draw(parts: dict[str, list[int]]) -> None:
    """A bar for each level, and below what its marks mean."""
    longest = max(map(len, parts))
    for level, some in parts.items():
        if bar := stacked_bar(some, _BAR_WIDTH):
            click.echo(f"{level.ljust(longest)}  {bar}")
    met = [any(one) for one in zip(*parts.values(), strict=True)]
    legend = [f"{mark} {name}" for mark, name, is_there in zip(MARKS, LEVELS, met, strict=True) if is_there]
    if legend:
        click.echo(f"{'':{longest}}  {'  '.join(legend)}\n")


def _frames(rows: pl.LazyFrame, uri: str) -> Iterator[pl.DataFrame]:
    with translated("read the table", uri):
        yield from streamed(rows)


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
