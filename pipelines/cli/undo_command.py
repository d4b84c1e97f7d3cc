"""`penstock undo`."""

from __future__ import annotations

import click

from config.settings import Settings
from pipelines.cli.options import common, open_pipeline, print_json, prints_go_aside
from pipelines.cli.plain_text import counted
from pipelines.undo import UndoSummary, undo


@click.command("undo")
@click.argument("pipeline")
@click.option("--batch", type=click.IntRange(min=1), required=True, help="The number of the batch.")
@common
def command(pipeline: str, batch: int, as_json: bool) -> None:
    """Take the rows of a batch out of the table, in one commit; its files can then be taken in again.

    PIPELINE is a YAML file, or the name of one in the pipelines folder. The next run takes the files in that
    still lie in the landing zone, under the contract of then. A batch that replayed records can be undone
    too: they are in the quarantine again. Nothing happens where the batch is undone already.

    \b
    Example:
        penstock undo events.yaml --batch 7
    """
    settings = Settings.from_environment()
    spec = open_pipeline(pipeline, settings)
    with prints_go_aside():
        done = undo(spec, batch, settings)
    if as_json:
        print_json(done.as_dict())
    else:
        click.echo(_sentence(done))


def _sentence(done: UndoSummary) -> str:
    if done.done_before:
        return f"{done.pipeline}: batch {done.undoes} was undone before, by batch {done.batch}"
    rows = done.rows_removed or 0
    what = f"{counted(rows, 'row')} less" if rows >= 0 else f"{counted(-rows, 'row')} more"
    return (
        f"{done.pipeline}: batch {done.undoes} is undone, {what} in the table, by batch {done.batch}; "
        f"the next run takes in again what is still there of its {counted(done.files, 'file')}"
    )
