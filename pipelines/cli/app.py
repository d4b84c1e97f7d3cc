"""The command `penstock`: finds the command, and turns errors and signals into messages and exit statuses."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from config.errors import InvalidValueError, PenstockError, SettingsError, SpecError, did_you_mean
from pipelines.cli.options import JSON
from pipelines.cli.plain_text import printable
from pipelines.cli.stopping import Stop
from pipelines.errors import QueryError, StoppedError
from transforms.errors import ExpectationError

DONE, FAILED, WRONG = 0, 1, 2
"""Exit statuses: done; the data or the run failed; the command or a spec file is wrong."""

WRONG_BY_THE_USER = (SpecError, SettingsError, InvalidValueError, ExpectationError, QueryError)

COMMANDS = {
    "init": "Look at a sample of a landing zone and write a ready pipeline file.",
    "validate": "Check pipeline files and show the schema of their tables.",
    "run": "Take in what has landed, batch by batch, until caught up.",
    "status": "Show the last batch, what waits, and the state of the table.",
    "verify": "Prove from storage alone that no record was lost or doubled.",
    "quarantine": "Show rejected records with file, position and reason.",
    "scan": "Read a table.",
    "history": "Show the versions of a table: when, operation, batch, counts.",
}


class Commands(click.Group):
    """Imports a command when it is called: `penstock run` need not pay for what others import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command in the module of its name."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"pipelines.cli.{cmd_name}_command").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, and where there is none the one that was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            meant = did_you_mean(args[0], COMMANDS) or f"see {ctx.command_path} --help"
            ctx.fail(f"no such command {args[0]!r}; {meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their short texts, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command, and leaves with the status that it gives, or that its error stands for."""
        try:
            status = super().invoke(ctx)
        except PenstockError as error:
            status = report(error, ctx)
        except KeyboardInterrupt:
            status = report(StoppedError("stopped before it was done"), ctx)
        ctx.exit(status if isinstance(status, int) else DONE)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penstock")
def app() -> None:
    """Let raw event files into Delta tables, exactly once, with every bad record accounted for."""


def main() -> None:
    """Runs one command and exits with its status."""
    # `use: my_module:function` may lie in the current folder; at the end, so that no file there hides ours.
    sys.path.append(str(Path.cwd()))
    for stream in (sys.stdout, sys.stderr):
        # JSON is UTF-8 whatever the locale; what even UTF-8 cannot say comes out as its escape sequence.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    stop = Stop()
    stop.listen()
    sys.exit(_status(stop))


def exit_status(error: PenstockError) -> int:
    """What the process ends with where `error` ends it."""
    return WRONG if isinstance(error, WRONG_BY_THE_USER) else FAILED


def report(error: PenstockError, ctx: click.Context) -> int:
    """Tells `error`, and gives the exit status that it stands for."""
    logging.getLogger("penstock").debug("the error in full", exc_info=error)
    if ctx.meta.get(JSON, "--json" in sys.argv):
        click.echo(json.dumps({"error": error.as_dict()}, ensure_ascii=False))
    click.echo("Error: " + printable(str(error), keep="\n"), err=True)
    return exit_status(error)


def _status(stop: Stop) -> int:
    try:
        status = app(standalone_mode=False, obj=stop)
        return status if isinstance(status, int) else DONE
    except click.ClickException as error:
        if "--json" in sys.argv:
            click.echo(json.dumps({"error": {"what": error.format_message()}}, ensure_ascii=False))
        error.show(sys.stderr)
        return WRONG
    except (click.Abort, KeyboardInterrupt):
        click.echo("Error: stopped", err=True)
        return FAILED
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; nothing is left to say, not even at exit.
        sys.stdout = None  # Python then skips the final flush
        return DONE
