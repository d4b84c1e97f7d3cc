"""`penstock inspect`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from config.settings import Settings
from pipelines.cli.options import common, pipeline_or_uri, print_json
from pipelines.cli.plain_text import counted, printable, size, whole
from pipelines.cli.tables import print_table
from pipelines.inspection.bars import Bar, bars, verdict
from pipelines.inspection.document import ArrowMemory, Chunks, Field, Inspection, Ranges
from pipelines.inspection.inspect import inspect
from storage.upstream import translated

_MOST_BARS = 40
_BAR_WIDTHS = (10, 60)
_LONGEST_BOUND = 26
_MOST_COLUMNS = 60


@click.command("inspect")
@click.argument("path")
@click.option(
    "--column", "columns", metavar="NAME", multiple=True, help="Whose ranges to draw; may be repeated."
)
@click.option("--html", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@common
def command(path: str, columns: tuple[str, ...], html: Path | None, as_json: bool) -> None:
    """Look at a file or a table: schema, row groups, encodings, statistics, memory.

    PATH is a Parquet, Arrow IPC, NDJSON or CSV file, local or s3://, the URI of a Delta table, or a pipeline.
    Each bar shows where the values of a row group, or of a file of a table, lie within the range of the
    column: short bars are well clustered. Columns are by default those that the table is sorted by.

    \b
    Example:
        penstock inspect events.yaml --column actor.id --html events.html
    """
    settings = Settings.from_environment()
    target = pipeline_or_uri(path, settings)
    found = inspect(target, settings, columns, every_column=html is not None and not columns)
    if html is not None:
        from pipelines.inspection.page import page  # most who look do so in the terminal

        with translated("write the page", str(html)):
            html.write_text(page(found), encoding="utf-8")
    if as_json:
        print_json(found)
    elif html is not None:
        click.echo(f"wrote {html}")
    else:
        _show(found)


def _show(found: Inspection) -> None:
    rows = "" if found["rows"] is None else f", {counted(found['rows'], 'row')}"
    click.echo(printable(f"{found['path']}: {found['format']}, {size(found['bytes'])}{rows}"))
    for name, fact in found["facts"].items():
        click.echo(printable(f"{name}: {fact}"))
    if (groups := found["row_groups"]) and groups["rows"]:
        most = f"{_span(groups['rows'])} rows, {_span(groups['bytes'])} bytes each"
        of = "" if found["chunks_of"] == "all row groups" else f" in {found['chunks_of']}"
        click.echo(f"{counted(len(groups['rows']), 'row group')}{of}: {most}")
    _title("Schema")
    columns = found["schema"][:_MOST_COLUMNS]
    print_table(["column", "type", ""], [[one["name"], one["type"], _nullable(one)] for one in columns])
    _more(len(found["schema"]) - len(columns))
    if found["chunks"]:
        _show_chunks(found["chunks"], found["chunks_of"])
    if found["memory"]:
        _show_memory(found["memory"])
    for ranges in found["ranges"]:
        _show_ranges(ranges)


def _nullable(field: Field) -> str:
    return "" if field["nullable"] else "never null"


def _show_chunks(chunks: list[Chunks], of: str) -> None:
    """Two tables, so that each fits a terminal."""
    shown = chunks[:_MOST_COLUMNS]
    _title(f"Stored ({of})")
    print_table(
        ["column", "physical", "compression", "encodings", "bytes", "unpacked"],
        [
            [one["path"], one["physical_type"], ", ".join(one["compression"]), ", ".join(one["encodings"]),
             whole(one["bytes"]), whole(one["unpacked_bytes"])]
            for one in shown
        ],
    )  # fmt: skip
    _more(len(chunks) - len(shown))
    _title("What readers can skip by")
    print_table(
        ["column", "least", "greatest", "nulls", "statistics", "Bloom", "page index"],
        [
            [one["path"], _bound(one["least"] or "-"), _bound(one["greatest"] or "-"),
             "-" if one["nulls"] is None else whole(one["nulls"]),
             *(_of(one[what], one["chunks"]) for what in ("statistics", "bloom_filters", "page_indexes"))]
            for one in shown
        ],
    )  # fmt: skip
    _more(len(chunks) - len(shown))


def _show_memory(memory: ArrowMemory) -> None:
    _title(f"In memory as Arrow ({memory['of']})")
    click.echo(f"{whole(memory['used_bytes'])} bytes in use, in buffers of {whole(memory['held_bytes'])}")
    rows = []
    for column in memory["columns"][:_MOST_COLUMNS]:
        named = [column["path"], column["type"]]
        there = [one for one in column["buffers"] if one["count"]]
        for one in there:
            rows.append([*named, one["kind"], whole(one["used_bytes"]), whole(one["held_bytes"])])
            named = ["", ""]
        if not there:
            rows.append([*named, "none of its own", "", ""])
    print_table(["column", "type", "buffer", "bytes in use", "bytes held"], rows)
    _more(len(memory["columns"]) - _MOST_COLUMNS)


def _show_ranges(ranges: Ranges) -> None:
    _title(f"Ranges of {ranges['column']}")
    click.echo(verdict(ranges))
    drawn = bars(ranges, _MOST_BARS)
    texts = [(_label(bar, ranges), _bound(bar.low), _bound(bar.high)) for bar in drawn]
    label, low, high = (max(map(len, part)) for part in zip(("", "", ""), *texts, strict=True))
    room = shutil.get_terminal_size((1000, 24)).columns - label - low - high - 6
    width = min(max(room, _BAR_WIDTHS[0]), _BAR_WIDTHS[1])
    for bar, (name, first, last) in zip(drawn, texts, strict=True):
        click.echo(f"{name.rjust(label)}  {first.ljust(low)}  {last.ljust(high)}  {bar.drawn(width)}")


def _label(bar: Bar, ranges: Ranges) -> str:
    """Row groups have numbers; files of a table have none that mean something."""
    if bar.count > 1:
        return counted(bar.count, ranges["units"].removesuffix("s"))
    return str(bar.number) if ranges["units"] == "row groups" else "1 file"


def _bound(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONGEST_BOUND else shown[: _LONGEST_BOUND - 1] + "…"


def _title(text: str) -> None:
    click.echo()
    click.echo(click.style(printable(text), bold=True))


def _more(count: int) -> None:
    if count > 0:
        click.echo(f"and {counted(count, 'column')} more: --json")


def _of(count: int, chunks: int) -> str:
    return "all" if count == chunks else "no" if not count else f"{count} of {chunks}"


def _span(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return whole(low) if low == high else f"{whole(low)} to {whole(high)}"
