"""Transform steps: queries over lazy frames, from SQL or from any importable function."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from config.pipeline import SqlStep, Step, UseStep
from transforms.errors import StepError, cast_categories


def step_name(number: int, step: Step) -> str:
    """How reports name a step: `1 sql`, `2 mycompany.cleaning:drop_bots`."""
    return f"{number} {'sql' if isinstance(step, SqlStep) else step.use}"


def apply_step(frame: pl.LazyFrame, step: Step, name: str) -> pl.LazyFrame:
    """`frame` after one step; lazy.

    Raises:
        StepError: The query does not parse, names a column that is not there, or gives no LazyFrame.
    """
    try:
        result = _sql(frame, step) if isinstance(step, SqlStep) else _use(frame, step, name)
        result.collect_schema()
    except PolarsError as error:
        got = str(error).split("\n\n")[0]
        raise StepError(
            f"transform {name} does not fit the rows it gets",
            got=got,
            expected=f"a query over self({', '.join(frame.collect_schema().names())})",
            next_step=cast_categories(got),
        ) from error
    return result


def _sql(frame: pl.LazyFrame, step: SqlStep) -> pl.LazyFrame:
    return frame.sql(step.sql, table_name="self")


def _use(frame: pl.LazyFrame, step: UseStep, name: str) -> pl.LazyFrame:
    function = _function(step.use)
    try:
        result = function(frame, **step.with_)
    except PolarsError:
        raise
    except (Exception, SystemExit) as error:
        raise StepError(
            f"transform {name} failed before it saw any rows",
            got=f"{type(error).__name__}: {error}",
            expected=f"a function of a LazyFrame, with the arguments {', '.join(step.with_) or '(none)'}",
        ) from error
    if not isinstance(result, pl.LazyFrame):
        raise StepError(
            f"transform {name} gave no lazy frame",
            got=type(result).__name__,
            expected="a polars.LazyFrame",
            next_step="return the frame without collecting it",
        )
    return result


def _function(path: str) -> Callable[..., Any]:
    module, _, attribute = path.partition(":")
    try:
        function: Any = importlib.import_module(module)
        for part in attribute.split("."):
            function = getattr(function, part)
    except (Exception, SystemExit) as error:
        raise StepError(
            "a transform function cannot be imported",
            where=path,
            got=f"{type(error).__name__}: {error}",
            expected="module:function, installed or in the current directory",
        ) from error
    if not callable(function):
        raise StepError(
            "a transform is no function", where=path, got=type(function).__name__, expected="a function"
        )
    return function  # type: ignore[no-any-return]  # getattr gives Any
