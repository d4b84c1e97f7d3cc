"""`penstock init`."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

import click

from config.errors import PenstockError, SpecError
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import SUFFIXES
from config.uri import parse_uri
from pipelines.cli.options import common, print_json
from pipelines.cli.tables import print_fields
from pipelines.proposal.propose import propose_pipeline


@click.command("init")
@click.argument("uri")
@click.option("--name", help="Of the pipeline; by default the last folder of URI.")
@click.option("--table", help="URI of the table; by default lake/NAME here, or in the same bucket.")
@click.option("--output", type=click.Path(path_type=Path), help="The file to write; by default NAME.yaml.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@common
def command(
    uri: str, name: str | None, table: str | None, output: Path | None, force: bool, as_json: bool
) -> None:
    """Look at a sample of a landing zone and write a ready pipeline file.

    URI is a folder, a file or a glob, local or s3://; JSON, CSV, Parquet, Arrow IPC or Avro. The contract is
    what up to 10,000 records of up to 20 files have in common; table, partitions and order are proposed with
    it. The file is yours to change.

    \b
    Example:
        penstock init landing/ --name events
    """
    settings = Settings.from_environment()
    proposal = propose_pipeline(parse_uri(uri), settings, name=name, table=table)
    path = output or Path(f"{proposal.pipeline.name}.yaml")
    _write(path, proposal.text, replace=force)
    if as_json:
        print_json(proposal.pipeline.model_dump(mode="json", by_alias=True))
    else:
        _show(proposal.pipeline, path)


def _write(path: Path, text: str, *, replace: bool) -> None:
    """Whole or not at all, and over nothing that is there unless `replace`."""
    if path.suffix not in SUFFIXES:
        raise SpecError("a pipeline file must be called so", where=path, expected="a name that ends in .yaml")
    try:
        if replace:
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as new:
                new.write(text)
            Path(new.name).replace(path)
        else:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except FileExistsError as error:
        raise SpecError(
            "the file is there already",
            where=path,
            next_step="give another --name or --output, or --force to replace it",
        ) from error
    except OSError as error:
        raise PenstockError(
            "the pipeline file cannot be written", where=path, got=error.strerror or str(error)
        ) from error


def _show(pipeline: Pipeline, path: Path) -> None:
    click.echo(f"wrote {path}")
    table = pipeline.table
    print_fields(
        [
            ("reads", pipeline.source.location),
            ("contract", ", ".join(column.name for column in pipeline.contract.columns)),
            ("table", table.uri),
            ("partitioned by", ", ".join(table.partition_by) or "nothing: no time in every record"),
            ("sorted by", ", ".join(table.sort_by) or "nothing"),
        ]
    )
    click.echo("look at the file, then:")
    click.echo(f"  penstock run {shlex.quote(str(path))}")
