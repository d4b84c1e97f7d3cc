"""`penstock deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from config.errors import PenstockError
from config.settings import Settings
from pipelines.cli.options import common, print_json
from pipelines.cli.outcome import DONE, FAILED, problems_of
from pipelines.cli.plain_text import printable
from pipelines.cli.tables import print_table

if TYPE_CHECKING:
    from pipelines.deployments import Deployed


@click.command("deploy")
@click.option("--pool", default="penstock", show_default=True, help="The work pool; made when missing.")
@click.option("--skip-wrong", is_flag=True, help="Exit status 0 although files are wrong; they are told.")
@common
def command(pool: str, skip_wrong: bool, as_json: bool) -> int:
    """Create or update the Prefect deployments of all pipelines of the pipelines folder.

    Deploys to the server of PREFECT_API_URL. What is as it should be is not touched; what a person paused
    stays paused; deployments of pipelines whose file is gone are paused. Files that are wrong are told, and
    the others deployed; the exit status is 1 then.

    \b
    Example:
        penstock deploy
    """
    from pipelines.deployments import deploy  # imports Prefect, which takes seconds

    done = deploy(Settings.from_environment(), pool=pool)
    if as_json:
        problems = [{"file": file, "problems": problems_of(error)} for file, error in done.broken.items()]
        print_json({**done.as_dict(), "broken": problems})
    else:
        _show(done)
    return FAILED if done.broken and not skip_wrong else DONE


def _show(done: Deployed) -> None:
    if done.deployments:
        print_table(
            ["deployment", "", "schedule", ""],
            [
                [one.name, one.change, one.schedule or "", "paused" if one.paused else ""]
                for one in done.deployments
            ],
        )
    for file, error in done.broken.items():
        _show_broken(file, error)
    broken = f", {len(done.broken)} files are wrong" if done.broken else ""
    click.echo(f"work pool {done.pool}: {len(done.deployments)} deployments{broken}")


def _show_broken(file: str, error: PenstockError) -> None:
    click.secho(printable(file), bold=True, err=True)
    click.echo("wrong: " + printable(str(error), keep="\n"), err=True)
