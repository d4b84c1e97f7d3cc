"""The command `penstock`: finds the command, and turns errors and signals into messages and exit statuses."""

from __future__ import annotations

import gc
import importlib
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from config.errors import PenstockError, did_you_mean
from pipelines.cli.ending import Ending
from pipelines.cli.outcome import DONE, FAILED, WRONG, print_error, report
from pipelines.cli.stopping import Stop
from pipelines.errors import StoppedError

COMMANDS = {
    "init": "Look at a sample of a landing zone and write a ready pipeline file.",
    "validate": "Check pipeline files and show the schema of their tables.",
    "run": "Take in what has landed, batch by batch, until caught up.",
    "status": "Show the last batch, what waits, and the state of the table.",
    "verify": "Prove from storage alone that no record was lost or doubled.",
    "quarantine": "Show rejected records with file, position and reason.",
    "replay": "Decode quarantined records again and take in those that now fit.",
    "undo": "Take the rows of a batch out of the table; its files can be taken in again.",
    "backfill": "Take landed files in again: rebuild the whole table, or a range of files.",
    "scan": "Read a table.",
    "inspect": "Look at a file or a table: schema, row groups, statistics, memory.",
    "maintain": "Do what a table is due for: compact, vacuum, checkpoint.",
    "history": "Show the versions of a table: when, operation, batch, counts.",
    "up": "Run the whole service as processes of this machine.",
    "deploy": "Create or update the Prefect deployments of all pipelines.",
    "worker": "Run what is due on the Prefect server, until stopped.",
    "serve": "Serve the tables of the pipelines folder over Arrow Flight SQL.",
    "token": "Make a token for a client of `penstock serve`, and show it once.",
    "metrics": "Serve what all pipelines do, in numbers, for Prometheus.",
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
        gc.disable()  # modules stay: looking for garbage among them takes 20 to 40 ms of 400
        command = importlib.import_module(f"pipelines.cli.{cmd_name}_command").command
        gc.freeze()
        gc.enable()
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
        except BrokenPipeError:
            # The reader of our output went away, as `head` does: nothing is left to say, not even at exit,
            # which flushes what it finds in stdout.
            sys.stdout = None
            status = DONE
        except KeyboardInterrupt:
            status = report(StoppedError("stopped before it was done"), ctx)
        ctx.exit(status if isinstance(status, int) else DONE)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penstock")
def app() -> None:
    """Let raw event files into Delta tables, exactly once, with every bad record accounted for."""


def main() -> None:
    """Runs one command and exits with its status."""
    ending = Ending()
    ending.register()
    # `use: my_module:function` may lie in the current folder; at the end, so that no file there hides ours.
    sys.path.append(str(Path.cwd()))
    for stream in (sys.stdout, sys.stderr):
        # JSON is UTF-8 whatever the locale; what even UTF-8 cannot say comes out as its escape sequence.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    stop = Stop()
    stop.listen()
    ending.status = _status(stop)
    sys.exit(ending.status)


def _status(stop: Stop) -> int:
    try:
        status = app(prog_name="penstock", standalone_mode=False, obj=stop)
        return status if isinstance(status, int) else DONE
    except click.ClickException as error:
        if "--json" in sys.argv:
            print_error({"what": error.format_message()})
        error.show(sys.stderr)
        return WRONG
    except (click.Abort, KeyboardInterrupt):
        click.echo("Error: stopped", err=True)
        return FAILED
