"""What all commands have in common."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import find_pipeline, load_pipeline

Command = TypeVar("Command", bound=Callable[..., Any])


def common(command: Command) -> Command:
    """Adds `--json` and `-v` to a command."""
    command = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")(
        command
    )
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_log_more,
        help="Log details to standard error.",
    )(command)


def _log_more(_context: click.Context, _parameter: click.Parameter, verbose: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def open_pipeline(name: str, settings: Settings) -> Pipeline:
    """The pipeline in a file, or of that name in the pipelines folder.

    Raises:
        SpecError: There is none, or it is wrong.
    """
    return load_pipeline(find_pipeline(name, settings))


def table_uri(name: str, settings: Settings) -> str:
    """The URI of a table: `name` itself, or the table of the pipeline that it names."""
    is_pipeline = name.endswith((".yaml", ".yml")) or (settings.pipelines / f"{name}.yaml").exists()
    return open_pipeline(name, settings).table.uri if is_pipeline else name


def print_json(document: object) -> None:
    """One JSON document on standard output; dates and the like as text."""
    click.echo(json.dumps(document, default=str, ensure_ascii=False))
