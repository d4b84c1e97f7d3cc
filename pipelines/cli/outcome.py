"""How a command ends: the exit status, and what is said of an error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping

import click

from config.errors import InvalidValueError, PenstockError, SettingsError, SpecError
from pipelines.cli.plain_text import printable
from pipelines.errors import QueryError
from storage.errors import UnsupportedLocationError
from transforms.errors import ExpectationError

DONE, FAILED, WRONG = 0, 1, 2
"""Exit statuses: done; the data or the run failed; the command or a spec file is wrong."""

JSON = "penstock.json"
"""Key of click's `meta`: whether an error is to be told in JSON too."""

_WRONG_BY_THE_USER = (
    SpecError,
    SettingsError,
    InvalidValueError,
    UnsupportedLocationError,
    ExpectationError,
    QueryError,
)


def exit_status(error: PenstockError) -> int:
    """What the process ends with where `error` ends it."""
    return WRONG if isinstance(error, _WRONG_BY_THE_USER) else FAILED


def report(error: PenstockError, context: click.Context) -> int:
    """Tells `error`, and gives the exit status that it stands for."""
    logging.getLogger("penstock").debug("the error in full", exc_info=error)
    if context.meta.get(JSON, "--json" in sys.argv):
        several = isinstance(error, SpecError) and len(error.problems) > 1
        print_error({**error.as_dict(), **({"problems": problems_of(error)} if several else {})})
    click.echo("Error: " + printable(str(error), keep="\n"), err=True)
    return exit_status(error)


def problems_of(error: PenstockError) -> list[dict[str, str]]:
    """What is wrong, one entry each: a pipeline file may have many problems."""
    problems = error.problems if isinstance(error, SpecError) else ()
    return [one.as_dict() for one in problems] or [error.as_dict()]


def print_error(parts: Mapping[str, object]) -> None:
    """The error as the one JSON document on standard output."""
    click.echo(json.dumps({"error": parts}, ensure_ascii=False))
