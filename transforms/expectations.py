"""Expectations: named boolean expressions over the conformed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
from polars.exceptions import PolarsError

from config.pipeline import Expectation
from transforms.errors import ExpectationError, cast_categories

Action = Literal["warn", "drop", "quarantine", "fail"]


@dataclass(frozen=True)
class Rule:
    """A compiled expectation: `condition` must be true; null is not.

    `reason` is the word that the quarantine uses.
    """

    name: str
    condition: pl.Expr
    action: Action
    reason: str
    column: str | None = None


def rules_of(expectations: Sequence[Expectation], schema: pl.Schema) -> list[Rule]:
    """The expectations over rows of `schema`, in order.

    Raises:
        ExpectationError: One does not parse, names a column that is not there, or is not boolean.
    """
    return [_rule(expectation, schema) for expectation in expectations]


def meets(frame: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """A boolean column for each rule, in order, without nulls; a row for each row of `frame`."""
    return frame.select(rule.condition.fill_null(False).alias(str(i)) for i, rule in enumerate(rules))


def _rule(expectation: Expectation, schema: pl.Schema) -> Rule:
    try:
        condition = pl.sql_expr(expectation.expect)
        # Some functions tell that they do not take a type when they run, not when they are planned.
        kind = schema.to_frame().select(condition.alias("met")).schema["met"]
    except PolarsError as error:
        raise _unusable(expectation, str(error).split("\n\n")[0], schema) from error
    if kind != pl.Boolean:
        raise _unusable(expectation, f"a value of type {kind}", schema)
    return Rule(expectation.name, condition, expectation.action, f"expectation:{expectation.name}")


def _unusable(expectation: Expectation, got: str, schema: pl.Schema) -> ExpectationError:
    return ExpectationError(
        f"expectation {expectation.name} cannot be checked",
        where=expectation.expect,
        got=got,
        expected=f"a boolean SQL expression over {', '.join(schema.names())}",
        next_step=cast_categories(got),
    )
