"""A Polars expression as a tree that can be looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from storage.skipping.predicate import Path


@dataclass(frozen=True, slots=True)
class Node:
    """One expression.

    Attributes:
        kind: What it is, in Polars' own notation: `Column`, `Literal`, `BinaryExpr`, `Function` …
        body: The rest of that notation, as JSON. NaN is null there, and numbers may be rounded: for values
            there is `expression`.
        expression: The very expression.
    """

    kind: str
    body: Any
    expression: pl.Expr

    @classmethod
    def of(cls, expression: pl.Expr) -> Node:
        """The root of an expression.

        Raises:
            PolarsError: It holds something that has no JSON, such as a function of Python.
        """
        # row objects allowed: one expression, not a row
        body = json.loads(expression.meta.serialize(format="json"))
        return cls(*only(body), expression)

    def inputs(self) -> list[Node]:
        """What it is made of; empty where that is not known here."""
        if self.kind == "BinaryExpr":
            parts = [self.body["left"], self.body["right"]]
        elif self.kind == "Function":
            parts = self.body["input"]
        elif self.kind == "Cast":
            parts = [self.body["expr"]]
        elif self.kind == "Alias":
            parts = self.body[:1]
        else:
            return []
        made = reversed(self.expression.meta.pop())
        return [Node(*only(part), one) for part, one in zip(parts, made, strict=True)]

    def function(self) -> tuple[str, str, Any]:
        """Family, name and options of a function; empty where it is none."""
        if self.kind != "Function":
            return "", "", None
        family, body = only(self.body["function"])
        return family, *only(body)

    def path(self) -> Path | None:
        """The column, or the field inside of structs, that it is; None where it is something else."""
        return path_of({self.kind: self.body})

    def is_constant(self) -> bool:
        """Whether it is a value."""
        return self.kind == "Literal" or (self.kind == "Cast" and self.inputs()[0].is_constant())


def paths_in(expression: pl.Expr) -> set[Path]:
    """The columns and the fields inside of structs that it looks at."""
    # row objects allowed: one expression, not a row
    return set(_paths(json.loads(expression.meta.serialize(format="json"))))


def _paths(body: Any) -> Iterator[Path]:
    path = path_of(body)
    if path is not None:
        yield path
        return
    for part in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        if isinstance(part, dict | list):
            yield from _paths(part)


def path_of(body: Any) -> Path | None:
    """As `Node.path`, of the notation alone."""
    kind, inner = only(body)
    if kind == "Column":
        return (inner,)
    if kind != "Function":
        return None
    family, function = only(inner["function"])
    name, field = only(function)
    above = path_of(inner["input"][0]) if (family, name) == ("StructExpr", "FieldByName") else None
    return None if above is None else (*above, field)


def only(body: Any) -> tuple[str, Any]:
    """The name and the contents of something in that notation; a name alone has none."""
    if isinstance(body, dict) and len(body) == 1:
        return next(iter(body.items()))
    return (body, None) if isinstance(body, str) else ("", None)
