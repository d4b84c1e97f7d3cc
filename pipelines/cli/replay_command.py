"""`penstock replay`."""

from __future__ import annotations

import click

from config.settings import Settings
from pipelines.cli.options import common, open_pipeline, print_json, prints_go_aside
from pipelines.cli.progress_bar import progress_bar
from pipelines.cli.stoppable_progress import StoppableProgress
from pipelines.cli.stopping import Stop
from pipelines.cli.tables import print_fields, whole
from pipelines.replay import ReplaySummary, replay


@click.command("replay")
@click.argument("pipeline")
@common
@click.pass_context
def command(context: click.Context, pipeline: str, as_json: bool) -> None:
    """Decode the quarantined records again under the contract of today; take in those that now fit, once.

    Records that still do not fit stay in the quarantine. Ctrl-C and SIGTERM stop as in `penstock run`; the
    next replay or run takes up the batch that was under way.

    \b
    Example:
        penstock replay events.yaml
    """
    settings = Settings.from_environment()
    spec = open_pipeline(pipeline, settings)
    stop = context.find_object(Stop) or Stop()
    with stop.patient(), prints_go_aside(), progress_bar(spec.name) as bar:
        result = replay(spec, settings, progress=StoppableProgress(stop, bar))
    if as_json:
        print_json(result.as_dict())
    else:
        _show(result)


def _show(result: ReplaySummary) -> None:
    if not result.open:
        click.echo(f"{result.pipeline}: nothing is in the quarantine")
        return
    click.secho(result.pipeline, bold=True)
    print_fields([(name, whole(count)) for name, count in _counts(result) if count])


def _counts(result: ReplaySummary) -> list[tuple[str, int]]:
    refused = [(f"still refused, {reason}", count) for reason, count in result.still_refused.items()]
    return [
        ("in the quarantine", result.open),
        ("taken in", result.taken_in),
        ("dropped", result.dropped),
        ("duplicates", result.duplicates),
        *refused,
        ("not replayable", result.not_replayable),
    ]
