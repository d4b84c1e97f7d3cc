"""The parameters of a statement: their types, as far as the statement tells them, and their values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

_LEAVES = ("Column", "Literal")


def parameter_schema(plan: Any) -> pa.Schema:
    """A field for each of `$1`, `$2` …, in order; of type null where nothing tells the type.

    Args:
        plan: A `LogicalPlan` before its parameters have values.
    """
    kinds: dict[str, Any] = {}
    for name, kind in _placeholders(plan):
        if kind is not None or name not in kinds:
            kinds[name] = pa.null() if kind is None else kind
    numbered = [name for name in kinds if name[1:].isdecimal()]
    last = max((int(name[1:]) for name in numbered), default=0)
    return pa.schema(
        [pa.field(f"${number}", kinds.get(f"${number}", pa.null())) for number in range(1, last + 1)]
    )


def values_of(parameters: Any) -> dict[str, Any] | None:
    """A row of parameters, by the numbers of their places."""
    if parameters is None:
        return None
    return {f"{number}": column[0] for number, column in enumerate(parameters.columns, start=1)}


def _placeholders(node: Any) -> Iterator[tuple[str, Any]]:
    """Names and types; None where that is not told."""
    variant = node.to_variant()
    kind = type(variant).__name__
    if kind == "Filter":
        yield from _within(variant.predicate())
    elif kind == "Projection":
        for one in variant.projections():
            yield from _within(one)
    elif kind == "Limit":
        for bound in (variant.skip(), variant.fetch()):
            if bound is not None:
                yield from ((name, pa.int64()) for name, _ in _within(bound))
    for below in node.inputs():
        yield from _placeholders(below)


def _within(expression: Any) -> Iterator[tuple[str, Any]]:
    if expression.variant_name() == "Placeholder":
        told = expression.to_variant().field()
        yield expression.to_variant().id(), None if told is None else told.type
    elif expression.variant_name() not in _LEAVES:
        for one in _operands(expression):
            yield from _within(one)


def _operands(expression: Any) -> list[Any]:
    """What it is made of, as far as DataFusion shows it: not what is in subqueries."""
    try:
        return list(expression.rex_call_operands())
    except RuntimeError:  # "Unimplemented Expr type": EXISTS, a subquery as a value
        return []
