"""`penstock verify`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from config.settings import Settings
from pipelines.cli.options import common, open_pipeline, print_json
from pipelines.cli.tables import print_table, whole
from pipelines.proof import BatchProof, Proof, Watcher, prove

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_HEADER = [
    "batch", "version", "files", "counted again", "gone", "changed", "records", "written",
    "quarantined", "dropped", "duplicate",
]  # fmt: skip


@click.command("verify")
@click.argument("pipeline")
@common
def command(pipeline: str, as_json: bool) -> int:
    """Prove from storage alone that no record was lost or doubled.

    Holds ledger, commits, quarantine, data files and, where they are still there, the landed files against
    one another. Ends with status 1 where they differ.

    \b
    Example:
        penstock verify events.yaml
    """
    settings = Settings.from_environment()
    spec = open_pipeline(pipeline, settings)
    with _watcher(spec.name) as watcher:
        proof = prove(spec, settings, watcher)
    if as_json:
        print_json(proof.as_dict())
    else:
        _show(spec.name, proof)
    return 0 if proof.ok else 1


def _show(name: str, proof: Proof) -> None:
    committed = [one for one in proof.batches if one.state == "committed"]
    if committed:
        print_table(_HEADER, [_cells(one) for one in committed])
    for one in proof.batches:
        if one.state == "pending":
            click.echo(f"batch {one.batch}: planned with {whole(one.files)} files, not committed yet")
    for violation in proof.violations:
        click.secho(f"violation: {violation}", fg="red")
    records = sum(one.records_read or 0 for one in committed)
    if proof.ok:
        click.echo(f"{name}: holds for {whole(len(committed))} batches, {whole(records)} records")
    else:
        click.echo(f"{name}: DOES NOT HOLD, {whole(len(proof.violations))} violations")


def _cells(one: BatchProof) -> list[str]:
    numbers = [
        one.batch, one.table_version, one.files, one.files_recounted, one.files_gone, one.files_changed,
        one.records_read, one.rows_written, one.rows_quarantined, one.rows_dropped, one.rows_duplicate,
    ]  # fmt: skip
    return [whole(number or 0) for number in numbers]


@contextmanager
def _watcher(pipeline: str) -> Iterator[Watcher | None]:
    """A bar that follows the files that are looked at; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("files"),
        rich_progress.TimeElapsedColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _ProofBar(bar, pipeline)


class _ProofBar(Watcher):
    """One line: the stage of the proof."""

    def __init__(self, bar: Bar, pipeline: str) -> None:
        self._bar = bar
        self._pipeline = pipeline
        self._task = bar.add_task(f"verify {pipeline}", total=None)

    def begin(self, what: str, total: int) -> None:
        """Starts over with another stage."""
        self._bar.reset(self._task, description=f"verify {self._pipeline}: {what}", total=total)

    def at(self, position: int) -> None:
        """Moves the line on."""
        self._bar.update(self._task, completed=position)
