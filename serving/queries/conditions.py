"""What a planned statement asks of each table, as far as its plan tells: for skipping, not for filtering.

DataFusion filters by itself. What is found here decides which files and row groups are read at all, so that
only what is certain is taken: a comparison of a column with a value of its own type. All else asks for
everything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import polars as pl

_COMPOUND: Final = ("BinaryExpr", "IsNull", "IsNotNull", "InList", "Between", "Like", "Cast")
_COMPARED: Final = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_FIELD: Final = re.compile(r'get_field\((.+), Utf8\("(\w+)"\)\)')
_AS_DATE: Final = re.compile(r"CAST\((.+) AS Date32\)")
_NAME: Final = re.compile(r"(?:\w+\.)*(\w+)")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?P<zone>Z|\+00:00)?")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


def conditions(plan: Any) -> dict[str, Any]:
    """The expression that stands above the one scan of a table, by the table's name; of a `LogicalPlan`."""
    scans: Counter[str] = Counter()
    found: dict[str, Any] = {}
    waiting = [plan]
    while waiting:
        node = waiting.pop()
        variant = node.to_variant()
        kind = type(variant).__name__
        if kind == "TableScan":
            scans[variant.table_name()] += 1
        elif kind == "Filter" and (name := _scanned(node)):
            found[name] = variant.predicate()
        waiting += node.inputs()
    return {name: one for name, one in found.items() if scans[name] == 1}


def _scanned(node: Any) -> str | None:
    """The table whose rows a filter gets as they are."""
    while True:
        (node,) = node.inputs()
        variant = node.to_variant()
        if type(variant).__name__ == "TableScan":
            return str(variant.table_name())
        if type(variant).__name__ != "SubqueryAlias":
            return None


def as_polars(condition: Any, schema: Mapping[str, pl.DataType]) -> pl.Expr | None:
    """An expression that all rows meet that meet `condition`, and maybe more; None where nothing is known.

    Args:
        condition: A `datafusion.Expr` over the columns of a table.
        schema: Its columns.
    """
    return _Converter(schema).sure(condition)


class _Converter:
    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self._schema = schema

    def sure(self, expression: Any) -> pl.Expr | None:
        """As `as_polars`: of parts joined by AND, those that are known."""
        kind, parts = _variant(expression)
        if kind == "BinaryExpr" and expression.rex_call_operator() == "AND":
            return _all_of(map(self.sure, parts))
        if kind == "BinaryExpr" and expression.rex_call_operator() == "OR":
            return _any_of(map(self.sure, parts))
        return self._simple(kind, expression, parts)

    def _simple(self, kind: str, expression: Any, parts: list[Any]) -> pl.Expr | None:
        if kind == "BinaryExpr":
            return self._compared(expression.rex_call_operator(), *parts)
        if kind in ("IsNull", "IsNotNull") and (column := self._column(parts[0])):
            return column[0].is_null() if kind == "IsNull" else column[0].is_not_null()
        negated = kind in ("InList", "Between", "Like") and expression.to_variant().negated()
        if kind == "InList" and not negated:
            return _any_of(self._compared("=", parts[0], one) for one in parts[1:])
        if kind == "Between" and not negated:
            bounds = zip((">=", "<="), parts[1:], strict=True)
            return _all_of(self._compared(operator, parts[0], bound) for operator, bound in bounds)
        if kind == "Like" and not negated:
            return self._like(parts[0], parts[1])
        return None

    def _compared(self, operator: str, left: Any, right: Any) -> pl.Expr | None:
        if _variant(left)[0] == "Literal":
            left, right, operator = right, left, _FLIPPED.get(operator, operator)
        column = self._column(left)
        if operator not in _COMPARED or column is None:
            return None
        value = _value(right, column[1])
        return None if value is None else getattr(column[0], _COMPARED[operator])(value)

    def _like(self, column: Any, pattern: Any) -> pl.Expr | None:
        found, text = self._column(column), _literal(pattern)
        if found is None or not isinstance(text, str) or "\\" in text:
            return None
        beginning = re.split("[%_]", text, maxsplit=1)[0]
        return found[0].str.starts_with(beginning) if beginning else None

    def _column(self, expression: Any) -> tuple[pl.Expr, pl.DataType] | None:
        """A column, or a field of structs, with its type."""
        text = str(expression.canonical_name())
        if (cast := _AS_DATE.fullmatch(text)) and (found := self._named(cast[1])):
            return (found[0].cast(pl.Date), pl.Date()) if _is_utc(found[1]) else None
        return self._named(text)

    def _named(self, text: str) -> tuple[pl.Expr, pl.DataType] | None:
        path = _path(text)
        if path is None or path[0] not in self._schema:
            return None
        column: pl.Expr = pl.col(path[0])
        dtype: Any = self._schema[path[0]]
        for name in path[1:]:
            fields = dict(dtype.to_schema()) if isinstance(dtype, pl.Struct) else {}
            if name not in fields:
                return None
            column, dtype = column.struct.field(name), fields[name]
        return column, dtype


def _variant(expression: Any) -> tuple[str, list[Any]]:
    """Its kind, and its operands where it has some that are understood."""
    try:
        kind = type(expression.to_variant()).__name__
    except ValueError:  # functions have no variant
        return "Function", []
    return kind, expression.rex_call_operands() if kind in _COMPOUND else []


def _path(text: str) -> list[str] | None:
    if field := _FIELD.fullmatch(text):
        before = _path(field[1])
        return None if before is None else [*before, field[2]]
    name = _NAME.fullmatch(text)
    return [name[1]] if name else None


def _literal(expression: Any) -> Any:
    """The value of a literal, or of text that is cast to a date or a timestamp; None where it is neither."""
    kind, parts = _variant(expression)
    if kind == "Cast" and parts and _variant(parts[0])[0] == "Literal":
        value = parts[0].python_value().as_py()
        return value if isinstance(value, str) else None
    return expression.python_value().as_py() if kind == "Literal" else None


def _value(expression: Any, dtype: pl.DataType) -> pl.Expr | None:
    """A literal of the column's own type."""
    value = _literal(expression)
    if isinstance(value, bool):
        return pl.lit(value) if dtype == pl.Boolean else None
    if dtype.is_integer() and isinstance(value, int):
        return pl.lit(value)
    if dtype.is_float() and isinstance(value, int | float) and value == value:
        return pl.lit(float(value))
    if isinstance(dtype, pl.Decimal) and isinstance(value, int | Decimal):
        return pl.lit(Decimal(value))
    if dtype == pl.String and isinstance(value, str):
        return pl.lit(value)
    if dtype == pl.Date:
        return _day(value)
    return _moment(value, dtype) if isinstance(dtype, pl.Datetime) else None


def _day(value: object) -> pl.Expr | None:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return pl.lit(date.fromisoformat(value))
    return pl.lit(value) if isinstance(value, date) and not isinstance(value, datetime) else None


def _moment(value: object, dtype: pl.Datetime) -> pl.Expr | None:
    """A moment in the zone of a column; without a zone it is UTC, as DataFusion takes it."""
    if isinstance(value, str) and (found := _MOMENT.fullmatch(value)):
        if found["zone"] and dtype.time_zone is None:
            return None
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or not _is_utc(dtype):
        return None
    if dtype.time_zone is None:
        return pl.lit(value, dtype) if value.tzinfo is None else None
    return pl.lit(value if value.tzinfo else value.replace(tzinfo=UTC), dtype)


def _is_utc(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone in (None, "UTC")


def _any_of(parts: Iterator[pl.Expr | None]) -> pl.Expr | None:
    """None where one of them is not known."""
    every = list(parts)
    known = [one for one in every if one is not None]
    return pl.any_horizontal(known) if known and len(known) == len(every) else None


def _all_of(parts: Iterator[pl.Expr | None]) -> pl.Expr | None:
    """Those that are known; None where none is."""
    known = [one for one in parts if one is not None]
    return pl.all_horizontal(known) if len(known) > 1 else known[0] if known else None
