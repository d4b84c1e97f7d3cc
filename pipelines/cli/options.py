"""What all commands have in common."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import date
from typing import Any, TypeVar

import click

from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import SUFFIXES, find_pipeline, list_pipelines, load_pipeline
from config.uri import parse_uri
from pipelines.cli.outcome import JSON

Command = TypeVar("Command", bound=Callable[..., Any])


def common(command: Command) -> Command:
    """Adds `--json` and `-v` to a command."""
    command = click.option(
        "--json",
        "as_json",
        is_flag=True,
        callback=_note_json,
        help="One JSON document on standard output.",
    )(command)
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_log_more,
        help="Log details to standard error.",
    )(command)


def _note_json(context: click.Context, _parameter: click.Parameter, as_json: bool) -> bool:
    context.meta[JSON] = as_json  # errors are told in JSON too, after the command has ended
    return as_json


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
    """The URI of a table: that of the pipeline that `name` is the file or the name of, else `name` itself.

    Raises:
        SpecError: It is a pipeline file, which is wrong.
        InvalidValueError: It is no URI.
    """
    found = pipeline_or_uri(name, settings)
    return found if isinstance(found, str) else found.table.uri


def pipeline_or_uri(name: str, settings: Settings) -> Pipeline | str:
    """The pipeline that `name` is the file or the name of, else `name`, the URI of a table.

    Raises:
        SpecError: It is a pipeline file, which is wrong.
        InvalidValueError: It is no URI.
    """
    names = {file.stem for file in list_pipelines(settings)}
    if name.endswith(SUFFIXES) or name in names:
        return open_pipeline(name, settings)
    return parse_uri(name)


@contextmanager
def prints_go_aside() -> Iterator[None]:
    """Inside, what functions of the user print goes to standard error: the other one is for the result."""
    with redirect_stdout(sys.stderr):
        yield


def print_json(document: object) -> None:
    """One JSON document on standard output; dates and the like as text."""
    click.echo(json.dumps(document, default=_as_text, ensure_ascii=False))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
