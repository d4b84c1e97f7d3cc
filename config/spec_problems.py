"""What pydantic found wrong with a pipeline, in words: what, got, allowed, did you mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ValidationError

from config.alerts import Alerts
from config.errors import InvalidValueError, SpecError, did_you_mean
from config.findings import Finding, KeyPath, to_problem
from config.pipeline import Contract, Expectation, Pipeline, SqlStep, UseStep
from config.schedule import Schedule
from config.source import Csv, Source
from config.table import Layout, Reader, Table, Upkeep

# pydantic puts the tag of a union's member into the path of an error, where the user wrote no key.
_TAGS: Final[dict[str, type[BaseModel]]] = {"SqlStep": SqlStep, "UseStep": UseStep}
_SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "source": Source,
    "csv": Csv,
    "contract": Contract,
    "expectations": Expectation,
    "table": Table,
    "layout": Layout,
    "upkeep": Upkeep,
    "readers": Reader,
    "schedule": Schedule,
    "alerts": Alerts,
    **_TAGS,
}
_USER: Final = re.compile(r"://[^/\s]*@")

# Types of errors (https://docs.pydantic.dev/latest/errors/validation_errors/): what is wrong, expected.
_WORDS: Final = {
    "string_type": ("not a text", "text; in YAML, put it in quotes if it looks like something else"),
    "string_too_short": ("an empty text", "text"),
    "int_type": ("not a whole number", "a whole number"),
    "bool_type": ("neither true nor false", "true or false"),
    "tuple_type": ("not a list", "a list, such as [a, b]"),
    "model_type": ("not a mapping", "a mapping of keys to values"),
    "dict_type": ("not a mapping", "a mapping of keys to values"),
    "string_pattern_mismatch": ("not the path of a function", "module:function"),
}


def explain(error: ValidationError) -> SpecError:
    """One `SpecError` for everything that is wrong with a pipeline built in Python."""
    return SpecError.of([to_problem(*finding) for finding in list_findings(error)], file="Pipeline")


def list_findings(error: ValidationError) -> list[Finding]:
    """Everything in `error`, each with the keys that lead there."""
    return [
        (tuple(part for part in one["loc"] if part not in _TAGS), _finding(one["loc"], one))
        for one in error.errors(include_url=False)
    ]


def _finding(loc: KeyPath, one: Mapping[str, object]) -> InvalidValueError:
    kind, value, context = str(one["type"]), one["input"], one.get("ctx")
    cause = context.get("error") if isinstance(context, Mapping) else None
    if isinstance(cause, InvalidValueError):
        return cause
    if kind == "extra_forbidden":
        return _unknown_key(loc)
    if kind == "missing":
        return InvalidValueError("a required key is missing", expected=f"the key {loc[-1]!r}")
    if kind == "literal_error" and isinstance(context, Mapping):
        return _not_allowed(value, str(context["expected"]))
    if kind.startswith("union_tag"):
        return _no_step(value)
    what, expected = _WORDS.get(kind, (str(one["msg"]), None))
    return InvalidValueError(what, got=_shown(value), expected=expected)


def _unknown_key(loc: KeyPath) -> InvalidValueError:
    section = next((part for part in reversed(loc[:-1]) if isinstance(part, str)), "")
    model = _SECTIONS.get(section, Pipeline)
    allowed = [field.alias or name for name, field in model.model_fields.items()]
    got = str(loc[-1])
    return InvalidValueError(
        "an unknown key",
        got=repr(got),
        expected=", ".join(allowed),
        next_step=_elsewhere(got) or did_you_mean(got, allowed),
    )


def _elsewhere(key: str) -> str | None:
    """Where `key` would be right, if it is the very name of a key of one other section."""
    sections = [name for name, model in _SECTIONS.items() if name not in _TAGS and key in model.model_fields]
    return f"it is a key of {sections[0]}" if len(sections) == 1 else None


def _not_allowed(value: object, expected: str) -> InvalidValueError:
    allowed = expected.replace("'", "").replace(" or ", ", ")
    hint = did_you_mean(value, allowed.split(", ")) if isinstance(value, str) else None
    return InvalidValueError(
        "a value that is not allowed", got=_shown(value), expected=allowed, next_step=hint
    )


def _no_step(value: object) -> InvalidValueError:
    return InvalidValueError(
        "a transform that is neither sql nor use",
        got=_shown(value),
        expected="sql: a query over the table self, or use: module:function",
    )


def _shown(value: object) -> str:
    text = "nothing" if value is None else _USER.sub("://…@", repr(value))
    return text if len(text) <= 80 else text[:77] + "..."
