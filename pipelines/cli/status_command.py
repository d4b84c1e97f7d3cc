"""`penstock status`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from config.errors import PenstockError, SpecError
from config.settings import Settings
from config.spec_file import find_pipeline, list_pipelines, load_pipeline
from pipelines.cli.options import common, print_json
from pipelines.cli.outcome import DONE, exit_status
from pipelines.cli.plain_text import counted, duration, moment, printable, size, whole
from pipelines.cli.tables import print_fields
from pipelines.promises.promise import Promise
from pipelines.reports.status import Files, Status, status


@click.command("status")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE...]")
@common
def command(pipelines: tuple[str, ...], as_json: bool) -> int:
    """Show the last batch, what waits, and the state of the table.

    Without arguments, of all pipelines in the pipelines folder. The exit status is 1 where one of them
    cannot be looked at; the others are shown all the same.

    \b
    Example:
        penstock status events.yaml
    """
    settings = Settings.from_environment()
    documents: list[dict[str, Any]] = []
    worst = DONE
    for name in pipelines or _all(settings):
        try:
            found = status(load_pipeline(find_pipeline(name, settings), settings))
        except PenstockError as error:
            worst = max(worst, exit_status(error))
            documents.append({"pipeline": name, "error": error.as_dict()})
            if not as_json:
                click.echo(f"{printable(name)}: " + printable(str(error), keep="\n"))
        else:
            documents.append(found.as_dict())
            if not as_json:
                _show(found)
    if as_json:
        print_json({"pipelines": documents})
    return worst


def _all(settings: Settings) -> list[str]:
    files = [str(file) for file in list_pipelines(settings)]
    if not files:
        raise SpecError(
            "no pipeline is named, and the pipelines folder holds none",
            where=settings.pipelines,
            next_step="name a pipeline file, or set PENSTOCK_PIPELINES",
        )
    return files


def _show(found: Status) -> None:
    click.secho(found.pipeline, bold=True)
    fields = [
        ("table", found.table),
        ("contents", _contents(found)),
        ("last batch", _last_batch(found)),
        ("waiting", _files(found.waiting) if found.waiting.files else "nothing"),
    ]
    if found.planned:
        undo = f"the undo of batch {found.planned.undoes}" if found.planned.undoes else None
        undo = undo or (f"a rebuild of {_files(found.planned)}" if found.planned.rebuilds else None)
        planned = f"batch {found.planned.batch}, {undo or _files(found.planned)}; the next run takes it up"
        fields.append(("not committed", planned))
    if found.lag_seconds is not None:
        fields.append(("lag", f"{duration(found.lag_seconds)}, the age of the oldest of these files"))
    fields.append(("quarantine", _quarantine(found)))
    fields += [("promise", _promise(one)) for one in found.readers]
    print_fields(fields)


def _contents(found: Status) -> str:
    if found.table_version is None:
        return "no table yet; the first batch makes it"
    rows = "rows not counted" if found.rows is None else counted(found.rows, "row")
    return f"{rows}, {counted(found.files, 'file')}, {size(found.bytes)}, version {found.table_version}"


def _last_batch(found: Status) -> str:
    if not found.last_batch:
        return "none"
    if found.last_commit_at is None:
        return whole(found.last_batch)
    ago = duration(max(0.0, (datetime.now(UTC) - found.last_commit_at).total_seconds()))
    return f"{whole(found.last_batch)}, committed {ago} ago, {moment(found.last_commit_at)}"


def _files(files: Files) -> str:
    versions = f" of {counted(files.versions, 'version')} of the source" if files.versions else ""
    return f"{counted(files.files, 'file')}{versions}, {size(files.bytes)}"


def _promise(one: Promise) -> str:
    promised = f"{one.where} reads at most {one.at_most:.2%}"
    if one.problem is not None:
        return f"{promised}: {one.problem}"
    stands = {True: "kept", False: "broken", None: "cannot be told yet"}[one.kept]
    return f"{promised}: {stands}" + ("" if one.share is None else f", reads {one.share:.2%}")


def _quarantine(found: Status) -> str:
    if not found.quarantined:
        return "empty"
    reasons = ", ".join(f"{whole(count)} {reason}" for reason, count in found.quarantined.items())
    return f"{counted(sum(found.quarantined.values()), 'record')}: {reasons}"
