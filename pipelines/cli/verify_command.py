"""`penstock verify`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from config.settings import Settings
from pipelines.cli.options import common, open_pipeline, print_json
from pipelines.cli.plain_text import counted, printable, whole
from pipelines.cli.tables import print_table
from pipelines.proof.proof import BatchProof, Proof, Watcher, prove

_HEADER = [
    "batch", "version", "files", "counted again", "gone", "changed", "records", "written",
    "quarantined", "dropped", "duplicate",
]  # fmt: skip


@click.command("verify")
@click.argument("pipeline")
@common
def command(pipeline: str, as_json: bool) -> int:
    """Prove from storage alone that no record was lost or doubled.

    PIPELINE is a YAML file, or the name of one in the pipelines folder. Holds ledger, commits, quarantine,
    data files and, where they are still there, the landed files against one another; ends with status 1
    where they differ.

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
        if one.undoes:
            done = "undid" if one.state == "committed" else "planned, not committed yet: the undo of"
            click.echo(f"batch {one.batch}: {done} batch {one.undoes}")
        elif one.rebuilds:
            done = "took" if one.state == "committed" else "planned, not committed yet: to take"
            click.echo(f"batch {one.batch}: {done} the place of all batches up to {one.rebuilds}")
        elif one.state == "pending":
            click.echo(f"batch {one.batch}: planned with {counted(one.files, 'file')}, not committed yet")
    for violation in proof.violations:
        click.secho(f"violation: {printable(str(violation))}", fg="red")
    records = counted(sum(map(_landed, committed)), "record")
    batches = f"{whole(len(committed))} {'batch' if len(committed) == 1 else 'batches'}"
    click.echo(
        f"{name}: holds for {batches}, {records}"
        if proof.ok
        else f"{name}: DOES NOT HOLD, {counted(len(proof.violations), 'violation')}"
    )


def _landed(one: BatchProof) -> int:
    """Records of files that count as taken in by this batch, each one once."""
    if one.undone_by or one.rebuilt_by:
        return 0
    return (one.records_read or 0) - (one.records_replayed or 0)


def _cells(one: BatchProof) -> list[str]:
    numbers = [
        one.batch, one.table_version, one.files, one.files_recounted, one.files_gone, one.files_changed,
        one.records_read, one.rows_written, one.rows_quarantined, one.rows_dropped, one.rows_duplicate,
    ]  # fmt: skip
    return [whole(number or 0) for number in numbers]


@contextmanager
def _watcher(pipeline: str) -> Iterator[Watcher | None]:
    """A bar; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from pipelines.cli.proof_bar import showing  # only here: Rich takes 0.1 s, which a cron job need not pay

    with showing(pipeline) as bar:
        yield bar
