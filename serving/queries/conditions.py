"""What a planned statement asks of each scan of a table: for skipping, not for filtering.

DataFusion filters by itself. What is found here decides which files and row groups are read at all, so that
only what is certain is taken; all else asks for everything. Taken from the optimized plan, where conditions
stand right above the scans, also below joins, and literals have the types of what they are compared with.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from serving.queries.operands import Operands, combined

FENCE: Final = 2**62
"""Rows of a LIMIT above each scan, more than any table has.

DataFusion hands its conditions to pyarrow otherwise, which compares in its own way: NaN, -0.0, null in lists.
"""
SCAN: Final = "scan_"
"""How the names of scans begin: the aliases that stand above them and nothing else, each with a number."""
_SORTS: Final = re.compile(r"^ *(Sort: (?!.*, fetch=\d+$)|WindowAggr: )|ORDER BY", re.MULTILINE)
_SCANS: Final = re.compile(rf"^ *SubqueryAlias: ({SCAN}\d+)$", re.MULTILINE)
_COMPARED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""Operators, and what they are with their sides swapped."""


def conditions(plan: Any) -> dict[str, list[list[Any]]]:
    """For each scanned table, by the name in the scan, and for each of its scans: what its rows are to meet.

    A table with a scan that cannot be judged, as within a subquery of a condition, is left out.

    Args:
        plan: A `LogicalPlan`, optimized.
    """
    found: dict[str, list[list[Any]]] = {}
    _walk(plan, "", [], found)
    scans = Counter(_SCANS.findall(plan.display_indent()))
    return {name: each for name, each in found.items() if len(each) == scans[name]}


def _walk(node: Any, name: str, above: list[Any], found: dict[str, list[list[Any]]]) -> None:
    """`name`: the nearest alias; `above`: the conditions right above the node, for its rows."""
    variant = node.to_variant()
    kind = type(variant).__name__
    if kind == "TableScan":
        found.setdefault(name, []).append(above)
        return
    passed = above if kind in ("Filter", "SubqueryAlias") or is_fence(node) else []
    passed = [*passed, variant.predicate()] if kind == "Filter" else passed
    for one in node.inputs():
        _walk(one, variant.alias() if kind == "SubqueryAlias" else name, passed, found)


def is_fence(node: Any) -> bool:
    """Whether it is the LIMIT above a scan, and no other has come into it."""
    if _kind(node) != "Limit" or _kind(node.inputs()[0]) != "TableScan":
        return False
    variant = node.to_variant()
    numbers = [one for one in (variant.fetch(), variant.skip()) if one and one.variant_name() == "Literal"]
    return [one.python_value().as_py() for one in numbers] == [FENCE, 0]


def sorts(plan: Any) -> bool:
    """Whether rows are sorted, all of them, for the answer or on the way to it; true too of what looks so."""
    return _SORTS.search(plan.display_indent()) is not None


def names_columns(node: Any) -> bool:
    """Whether a plan of one scan gives columns of the table as they are, under their names, all rows."""
    variant = node.to_variant()
    kind = type(variant).__name__
    if kind == "TableScan":
        return True
    is_choice = kind == "Projection" and all(one.variant_name() == "Column" for one in variant.projections())
    return (is_choice or kind == "SubqueryAlias" or is_fence(node)) and names_columns(node.inputs()[0])


def _kind(node: Any) -> str:
    return type(node.to_variant()).__name__


def as_polars(scans: list[list[Any]], schema: pl.Schema) -> pl.Expr | None:
    """An expression that all rows meet that one of the scans asks for, and maybe more.

    Args:
        scans: For each scan its conditions, `datafusion.Expr`s.
        schema: The columns of the table.

    Returns:
        None where nothing is known.
    """
    converter = _Converter(schema)
    try:
        return converter.some(converter.every(map(converter.sure, one)) for one in scans)
    except RecursionError:
        return None


class _Converter:
    """Conditions to expressions, which are null or true for each row that meets them; None where unknown."""

    def __init__(self, schema: pl.Schema) -> None:
        self._operands = Operands(schema)

    def sure(self, expression: Any) -> pl.Expr | None:
        """Of parts joined by AND, those that are known; of parts joined by OR, all or none."""
        kind = expression.variant_name()
        if kind == "Column":
            flag = self._operands.column(expression)
            return flag[0] if flag is not None and flag[1] == pl.Boolean else None
        if kind not in ("BinaryExpr", "IsNull", "IsNotNull", "InList", "Between", "Like"):
            return None
        operator, parts = expression.rex_call_operator(), expression.rex_call_operands()
        if operator == "AND":
            return self.every(map(self.sure, parts))
        if operator == "OR":
            return self.some(map(self.sure, parts))
        if kind == "BinaryExpr":
            return self._compared(operator, *parts)
        if kind in ("IsNull", "IsNotNull"):
            return self._null(parts[0], wanted=kind == "IsNull")
        if expression.to_variant().negated():
            return None
        return self._listed(kind, expression, operator, parts)

    def every(self, parts: Iterator[pl.Expr | None]) -> pl.Expr | None:
        """Those that are known; None where none is."""
        known = [one for one in parts if one is not None]
        return combined(pl.all_horizontal, known) if known else None

    def some(self, parts: Iterator[pl.Expr | None]) -> pl.Expr | None:
        """None where one of them is not known."""
        every = list(parts)
        known = [one for one in every if one is not None]
        return combined(pl.any_horizontal, known) if known and len(known) == len(every) else None

    def _listed(self, kind: str, expression: Any, operator: str, parts: list[Any]) -> pl.Expr | None:
        if kind == "InList":
            return self._operands.one_of(parts[0], parts[1:])
        if kind == "Between":
            bounds = zip((">=", "<="), parts[1:], strict=True)
            return self.every(self._compared(one, parts[0], bound) for one, bound in bounds)
        escaped = expression.to_variant().escape_char() is not None
        return self._operands.like(*parts) if operator == "like" and not escaped else None

    def _compared(self, operator: str, left: Any, right: Any) -> pl.Expr | None:
        if operator not in _COMPARED:
            return None
        if left.variant_name() == "Literal":
            left, right, operator = right, left, _COMPARED[operator]
        return self._operands.compared(left, operator, right)

    def _null(self, expression: Any, *, wanted: bool) -> pl.Expr | None:
        found = self._operands.column(expression)
        if found is None:
            return None
        return found[0].is_null() if wanted else found[0].is_not_null()
