"""The command `penstock`: finds the command, and turns errors and signals into messages and exit statuses."""

from __future__ import annotations

import importlib
import json
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click

from config.errors import PenstockError, SettingsError, SpecError
from transforms.errors import ExpectationError

DONE, FAILED, WRONG = 0, 1, 2
"""Exit statuses: done; the data or the run failed; the command or a spec file is wrong."""

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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their short texts, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penstock")
def app() -> None:
    """Let raw event files into Delta tables, exactly once, with every bad record accounted for."""


def main() -> None:
    """Runs one command and exits with its status."""
    sys.path.insert(0, str(Path.cwd()))  # `use: my_module:function` may lie beside the pipeline file
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_status(lambda: app(standalone_mode=False)))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _status(call: Callable[[], object]) -> int:
    try:
        result = call()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return WRONG
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped: what is not committed is not visible, and the next run takes it up", err=True)
        return FAILED
    except PenstockError as error:
        return _report(error)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; nothing is left to say, not even at exit.
        sys.stdout = None  # type: ignore[assignment]  # Python then skips the final flush
        return DONE
    return result if isinstance(result, int) else DONE


def _report(error: PenstockError) -> int:
    logging.getLogger("penstock").debug("the error in full", exc_info=error)
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": error.as_dict()}))
    click.echo(f"Error: {error}", err=True)
    return WRONG if isinstance(error, (SpecError, SettingsError, ExpectationError)) else FAILED
