"""`penstock quarantine`."""

from __future__ import annotations

import click
import polars as pl
from polars.exceptions import ComputeError

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.cli.json_rows import print_json_rows
from pipelines.cli.options import common, open_pipeline
from pipelines.cli.plain_text import whole
from pipelines.cli.tables import print_table
from pipelines.reports.rejected import rejected, rejected_count

_LIMIT_FOR_PEOPLE = 20
_RAW_FOR_PEOPLE = 200  # bytes


@click.command("quarantine")
@click.argument("pipeline")
@click.option("--batch", type=click.IntRange(min=1), help="Of this batch only.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many; 20 by default, with --json: all.")
@common
def command(pipeline: str, batch: int | None, limit: int | None, as_json: bool) -> None:
    """Show rejected records with file, position and reason.

    The record is the number of its line, from 1; the offset is in bytes, in the decompressed file. With
    --json the record itself is in `raw`, or, where it is no UTF-8, in `raw_base64`.

    \b
    Example:
        penstock quarantine events.yaml --batch 3
    """
    spec = open_pipeline(pipeline, Settings.from_environment())
    if as_json:
        print_json_rows(with_text(frame) for frame in rejected(spec, batch, limit=limit))
    else:
        _show(spec, batch, _LIMIT_FOR_PEOPLE if limit is None else limit)


def with_text(rows: pl.DataFrame) -> pl.DataFrame:
    """`raw` as text, null where it is no UTF-8, which is then in `raw_base64`."""
    text = _text(rows["raw"])
    base64 = pl.when(text.is_null()).then(pl.col("raw").bin.encode("base64"))
    return rows.with_columns(raw=text, raw_base64=base64)


def _text(raw: pl.Series) -> pl.Series:
    """Halves what does not decode as a whole, down to the records that are no UTF-8."""
    try:
        return raw.cast(pl.String)
    except ComputeError:
        if len(raw) == 1:
            return pl.Series(raw.name, [None], pl.String)
        middle = len(raw) // 2
        return pl.concat([_text(raw[:middle]), _text(raw[middle:])])


def _show(spec: Pipeline, batch: int | None, limit: int) -> None:
    total = rejected_count(spec, batch)
    of_batch = "" if batch is None else f" of batch {batch}"
    if not total:
        click.echo(f"{spec.name}: nothing{of_batch} is in the quarantine")
        return
    rows = pl.concat(rejected(spec, batch, limit=limit, longest_raw=_RAW_FOR_PEOPLE))
    folder = _common_folder([path for path in rows["path"].unique() if path])
    print_table(["batch", "file", "record", "offset", "reason", "column", "raw"], cells(rows, len(folder)))
    if folder:
        click.echo(f"files in {folder}")
    click.echo(f"{whole(rows.height)} of {whole(total)} records{of_batch}")
    if rows.height < total:
        click.echo("more: --limit N; all of them, and whole: --json")


def cells(page: pl.DataFrame, cut: int) -> list[list[str]]:
    """A page of records as text; of paths without the first `cut` letters."""
    return [
        [
            str(batch),
            path[cut:] if path else "-",
            _or_dash(record),
            _or_dash(offset),
            reason,
            column or "-",
            _readable(raw),
        ]
        # row objects allowed: one page for a person
        for batch, path, record, offset, _length, reason, column, raw, _header in page.iter_rows()
    ]


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _readable(raw: bytes | None) -> str:
    return "(too long to keep)" if raw is None else raw.decode("utf-8", "backslashreplace")


def _common_folder(paths: list[str]) -> str:
    """The folder that all paths are in, with its slash; empty where there is none."""
    folder = paths[0].rpartition("/")[0] if paths else ""
    while folder and not all(path.startswith(f"{folder}/") for path in paths):
        folder = folder.rpartition("/")[0]
    return folder and f"{folder}/"
