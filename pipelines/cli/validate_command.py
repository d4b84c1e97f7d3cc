"""`penstock validate`."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

import click

from config.errors import PenstockError
from config.names import RESCUED
from config.settings import Settings
from config.source import Source
from config.spec_file import find_pipeline, load_pipeline
from config.table import Table
from pipelines.cli.options import common, print_json, prints_go_aside
from pipelines.cli.outcome import DONE, FAILED, WRONG, exit_status, problems_of
from pipelines.cli.plain_text import printable
from pipelines.cli.tables import print_table
from pipelines.reports.validation import StepPlan, Validation, validate
from storage.tables.schema.columns import TableColumn

_TYPE_WIDTH = 50


@click.command("validate")
@click.argument("pipelines", nargs=-1, required=True, metavar="PIPELINE...")
@common
def command(pipelines: tuple[str, ...], as_json: bool) -> int:
    """Check pipeline files and show the schema of their tables.

    Holds contract, expectations, transforms, table layout and the table itself, where there is one, against
    one another, without a single record. Everything that is wrong is told; the exit status is 2 then.

    \b
    Example:
        penstock validate events.yaml
    """
    settings = Settings.from_environment()
    statuses, documents = [], []
    for name in pipelines:
        try:
            path = find_pipeline(name, settings)
            with prints_go_aside():
                found = validate(load_pipeline(path, settings))
        except PenstockError as error:
            statuses.append(exit_status(error))
            documents.append({"file": name, "problems": problems_of(error)})
            if not as_json:
                _show_failure(name, error)
        else:
            statuses.append(WRONG if found.problems else DONE)
            documents.append({"file": str(path), **found.as_dict()})
            if not as_json:
                _show(str(path), found, found.pipeline.engine or settings.engine)
    if as_json:
        print_json(_document(documents, statuses))
    return WRONG if WRONG in statuses else max(statuses, default=FAILED)


def _document(documents: list[dict[str, Any]], statuses: list[int]) -> dict[str, Any]:
    pipelines = [{"ok": status == DONE, **one} for status, one in zip(statuses, documents, strict=True)]
    return {"ok": set(statuses) == {DONE}, "pipelines": pipelines}


def _show(file: str, found: Validation, engine: str) -> None:
    spec = found.pipeline
    state = "not there yet" if found.table_version is None else f"at version {found.table_version}"
    click.secho(f"{file}: pipeline {spec.name}", bold=True)
    click.echo(f"table {printable(spec.table.uri)}, {state}")
    if found.columns:
        print_table(
            ["column", "null", "partition", "type"], [row for one in found.columns for row in _rows(one)]
        )
    required = [column.name for column in spec.contract.columns if column.required]
    if required:
        click.echo(f"never null in what the contract lets in: {', '.join(required)}")
    for step in found.steps:
        click.echo(f"transform {printable(step.name)}: {_reach(step)}")
    for line in (*_source(spec.source), *_evolution(found), *_engine(found, engine)):
        click.echo(printable(line))
    for line in _mode(spec.table):
        click.echo(printable(line))
    for promise in spec.readers:
        click.echo(
            printable(f"promise: {promise.where} reads at most {promise.at_most * 100:g}% of the table")
        )
    for problem in found.problems:
        click.echo("wrong: " + printable(str(problem), keep="\n"))
    click.echo("ok" if not found.problems else f"{len(found.problems)} wrong")


def _source(source: Source) -> Iterator[str]:
    """Where the source may go on in a way that this pipeline cannot follow."""
    if source.table is not None and source.read == "appends":
        yield (
            "read appends: rows that come are followed; a version of the source that takes rows out, as an "
            "undo or an upsert does, stops the pipeline: read changes or partitions where that may happen"
        )


def _mode(table: Table) -> Iterator[str]:
    """What a batch does to the rows of the table."""
    if table.merges:
        newer = f"the greatest {', '.join(table.order_by)}" if table.order_by else "the last one"
        wins = newer if table.mode == "upsert" else "the first one, ever,"
        yield f"{table.mode} by {', '.join(table.key)}: of rows with one key {wins} stays"
    elif table.mode == "replace":
        place = (
            f"in its partitions, by {', '.join(table.partition_by)}" if table.partition_by else "of the table"
        )
        yield f"replace: a batch takes the place of all rows {place}"
    if key := ", ".join(table.distinct_by):
        yield f"key {key}: one record of each key in a batch; the keys of the whole batch stay in memory"


def _engine(found: Validation, engine: str) -> Iterator[str]:
    """Who writes the files of a batch, where that is not this process."""
    if engine == "dask" and not found.written_whole:
        yield "engine dask: a batch is written in groups of files, by the workers of a cluster"
    elif engine == "dask":
        yield f"engine dask: a batch is written as a whole, by the flow: {'; '.join(found.written_whole)}"


def _evolution(found: Validation) -> Iterator[str]:
    """What becomes of the columns of the table."""
    if found.pipeline.contract.on_new_column == "add" and not found.adds_columns:
        yield f"new fields stay in {RESCUED}: the transforms do not hand on columns that they do not name"
    if found.evolution is None:
        return
    for path, kind in found.evolution.added.items():
        yield f"the next run adds {path}, {kind}; null in the rows that are there"
    for path, (before, after) in found.evolution.widened.items():
        yield f"the next run widens {path} from {before} to {after}"
    if found.evolution.rewrites:
        yield "the next run writes the files of the table again for that"


def _rows(column: TableColumn) -> list[list[str]]:
    """A row, and more where the type is long."""
    first, *more = wrap(column.type, _TYPE_WIDTH, break_on_hyphens=False)
    cells = [column.name, "yes" if column.nullable else "no", "yes" if column.partition else "", first]
    return [cells, *(["", "", "", line] for line in more)]


def _show_failure(name: str, error: PenstockError) -> None:
    click.secho(printable(name), bold=True)
    click.echo("wrong: " + printable(str(error), keep="\n"))


def _reach(step: StepPlan) -> str:
    if not step.whole_batch:
        return "row by row"
    return (
        f"needs the whole batch ({', '.join(step.whole_batch)}), in memory; its result depends on the batch"
    )
