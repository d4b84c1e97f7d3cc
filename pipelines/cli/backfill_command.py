"""`penstock backfill`."""

from __future__ import annotations

from datetime import datetime

import click

from config.settings import Settings
from pipelines.backfill.backfill import backfill
from pipelines.backfill.rebuild import give_up as give_up_rebuild
from pipelines.backfill.request import BackfillRequest, BackfillSummary
from pipelines.cli.moments import Moment
from pipelines.cli.options import common, open_pipeline, print_json, prints_go_aside
from pipelines.cli.plain_text import counted, size, whole
from pipelines.cli.progress_bar import progress_bar
from pipelines.cli.stoppable_progress import StoppableProgress
from pipelines.cli.stopping import Stop
from pipelines.run import BatchSummary


@click.command("backfill")
@click.argument("pipeline")
@click.option("--rebuild", is_flag=True, help="All files, beside the table; swapped in by one commit.")
@click.option(
    "--files", metavar="GLOB", help="The batches with files of these paths, below the landing zone."
)
@click.option("--since", type=Moment(), metavar="TIME", help="… last changed at this time, or later.")
@click.option("--until", type=Moment(), metavar="TIME", help="… last changed before this time.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--give-up", is_flag=True, help="Forget a rebuild that is planned; the table stays as it is.")
@common
@click.pass_context
def command(
    context: click.Context,
    pipeline: str,
    rebuild: bool,
    files: str | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    give_up: bool,
    as_json: bool,
) -> None:
    """Take landed files in again under the contract of today: the whole table, or a range of files.

    PIPELINE is a YAML file, or the name of one in the pipelines folder. With --rebuild readers see the old
    rows until the new ones are there; else the batches of the range are undone first. Ctrl-C and SIGTERM stop
    as in `penstock run`; the next run takes up the batch that was under way.

    \b
    Example:
        penstock backfill events.yaml --rebuild
    """
    _check(context, rebuild, (files, since, until), give_up)
    settings = Settings.from_environment()
    spec = open_pipeline(pipeline, settings)
    if give_up:
        _tell_given_up(spec.name, give_up_rebuild(spec), as_json)
        return
    request = BackfillRequest(rebuild, files, since, until, dry_run)
    stop = context.find_object(Stop) or Stop()
    with stop.patient(), prints_go_aside(), progress_bar(spec.name) as bar:
        done = backfill(spec, request, settings, progress=StoppableProgress(stop, bar))
    if as_json:
        print_json(done.as_dict())
    else:
        _show(done)


def _check(context: click.Context, rebuild: bool, limits: tuple[object, ...], give_up: bool) -> None:
    ranged = any(limit is not None for limit in limits)
    if rebuild + ranged + give_up != 1:
        context.fail("say one of --rebuild, a range (--files, --since, --until), and --give-up")


def _tell_given_up(name: str, batch: int | None, as_json: bool) -> None:
    if as_json:
        print_json({"pipeline": name, "given_up": batch})
    elif batch is None:
        click.echo(f"{name}: no rebuild is planned")
    else:
        click.echo(f"{name}: the rebuild, batch {batch}, is given up; the table is as it was")


def _show(done: BackfillSummary) -> None:
    batches = ", ".join(map(str, done.again[:10])) + (", …" if len(done.again) > 10 else "")
    files = f"{counted(done.files, 'file')}, {size(done.bytes)}"
    if done.dry_run and done.rebuild:
        rows = counted(done.rows_removed, "row")
        click.echo(f"{done.pipeline}: would take in {files} again, in the place of {rows} in the table")
    elif done.dry_run:
        click.echo(f"{done.pipeline}: would undo batches {batches} and take in their {files} again")
    for one in done.batches:
        click.echo(f"batch {one.batch}: {_did(one)}")
    if not done.dry_run:
        removed = counted(done.rows_removed, "row")
        what = "rebuilt" if done.rebuild else f"batches {batches} taken in again"
        click.echo(f"{done.pipeline}: {what}, {files}; {removed} taken out")


def _did(one: BatchSummary) -> str:
    if one.undoes:
        return f"undid batch {one.undoes}, {whole(one.rows_removed)} rows less"
    rows, refused = counted(one.rows_written, "row"), counted(one.rows_quarantined, "record")
    return f"{counted(one.files, 'file')}, {rows} written, {refused} quarantined"
