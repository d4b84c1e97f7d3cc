"""Columns, fields of structs and literals of DataFusion, as Polars has them; and how they compare.

DataFusion puts floats in their total order: -NaN, -1.0, -0.0, 0.0, 1.0, NaN. Polars has all NaN last, and one
zero. Each comparison here holds for at least the rows for which DataFusion's holds.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

Operand = tuple[pl.Expr, Any]
"""An expression, and its type."""
_OPERATORS: Final = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WITH_ZERO: Final = {"<": "<=", ">": ">=", "<=": "<=", ">=": ">=", "=": "="}
_MOST_LISTED: Final = 5_000
"""Values of a list: each takes 0.2 ms to look at, and clients write lists of any length."""
_MOST_FLOATS: Final = 100
_INT64: Final = range(-(2**63), 2**63)


class Operands:
    """What can be judged by the statistics of a table with these columns."""

    def __init__(self, schema: pl.Schema) -> None:
        self._schema = schema

    def column(self, expression: Any) -> Operand | None:
        """A column, or a field of structs."""
        if expression.variant_name() == "Column":
            name = expression.to_variant().name()
            return (pl.col(name), self._schema[name]) if name in self._schema and _is_plain(name) else None
        if expression.variant_name() != "ScalarFunction" or expression.rex_call_operator() != "get_field":
            return None
        whole, *names = expression.rex_call_operands()
        return self._field(self.column(whole), [_value(one) for one in names])

    def compared(self, left: Any, sign: str, right: Any) -> pl.Expr | None:
        """A column, or one that is cast, with a literal of its own type."""
        found = self.column(left) or self._cast(left)
        value = None if found is None else _literal(right, found[1])
        if found is None or value is None:
            return None
        if found[1].is_float():
            return _float_compared(found[0], sign, float(pl.select(value).item()))
        told: pl.Expr = _OPERATORS[sign](found[0], value)
        return told

    def one_of(self, expression: Any, listed: Sequence[Any]) -> pl.Expr | None:
        """A column that is one of some literals."""
        found = self.column(expression)
        if found is None or len(listed) > _MOST_LISTED:
            return None
        if found[1].is_float():
            each = [self.compared(expression, "=", one) for one in listed[: _MOST_FLOATS + 1]]
            known = [one for one in each if one is not None]
            return combined(pl.any_horizontal, known) if len(known) == len(listed) else None
        literals = [_literal(one, found[1]) for one in listed]
        if any(one is None for one in literals):
            return None
        values = pl.concat(pl.select(value=one)["value"] for one in literals)
        fitting = values.cast(found[1], strict=False)  # integers that the column cannot hold become null
        return found[0].is_in(fitting.drop_nulls().implode())

    def like(self, expression: Any, pattern: Any) -> pl.Expr | None:
        """What begins as the pattern does."""
        found, text = self.column(expression), _value(pattern)
        if found is None or found[1] != pl.String or not isinstance(text, str):
            return None
        beginning = re.split(r"[%_\\]", text, maxsplit=1)[0]
        return found[0].str.starts_with(beginning) if beginning else None

    def _field(self, whole: Operand | None, names: Sequence[Any]) -> Operand | None:
        for name in names:
            fields = dict(whole[1].to_schema()) if whole and isinstance(whole[1], pl.Struct) else {}
            if whole is None or name not in fields or not _is_plain(name):
                return None
            whole = whole[0].struct.field(name), fields[name]
        return whole

    def _cast(self, expression: Any) -> Operand | None:
        """A cast that keeps the order of values, and that both engines make alike."""
        if expression.variant_name() != "Cast":
            return None
        found = self.column(expression.rex_call_operands()[0])
        to = str(expression.canonical_name()).rpartition(" AS ")[2]
        if found is not None and to == "Date32)" and _is_utc(found[1]):
            return found[0].cast(pl.Date), pl.Date()
        if found is not None and to == "Float64)" and (found[1].is_integer() or found[1] == pl.Float32):
            return found[0].cast(pl.Float64), pl.Float64()
        return None


def combined(function: Callable[..., pl.Expr], parts: Sequence[pl.Expr]) -> pl.Expr:
    """Parts joined by `all_horizontal` or `any_horizontal`; one alone as it is."""
    return function(parts) if len(parts) > 1 else parts[0]


def _float_compared(column: pl.Expr, sign: str, value: float) -> pl.Expr | None:
    if value != value or (value == 0.0 and sign not in _WITH_ZERO):
        return None
    told: pl.Expr = _OPERATORS[_WITH_ZERO[sign] if value == 0.0 else sign](column, pl.lit(value, pl.Float64))
    return told | (column >= pl.lit(float("nan"))) if sign in ("<", "<=") else told  # -NaN is the least


def _is_plain(name: str) -> bool:
    """Whether Polars takes it for the name of one column, and for no pattern."""
    return name != "*" and not name.startswith("^")


def _value(expression: Any) -> Any:
    if expression.variant_name() != "Literal":
        return None
    try:
        return expression.python_value().as_py()
    except (ValueError, OverflowError):  # moments that Python does not have
        return None


def _literal(expression: Any, dtype: Any) -> pl.Expr | None:
    """A literal of the type of a column; None where it is of another one, or null."""
    value = _value(expression)
    if value is None:
        return None
    kind = expression.python_value().type
    if dtype.is_integer() and pa.types.is_integer(kind) and value in _INT64:
        return pl.lit(value, pl.Int64)
    if dtype.is_float() and pa.types.is_floating(kind):
        return pl.lit(value, pl.Float64)
    if isinstance(dtype, pl.Datetime) and pa.types.is_timestamp(kind) and kind.unit == "us":
        return pl.lit(value, dtype) if _is_utc(dtype) and kind.tz == dtype.time_zone else None
    if isinstance(dtype, pl.Decimal) and pa.types.is_decimal128(kind) and kind.scale == dtype.scale:
        return pl.lit(value, pl.Decimal(38, kind.scale))
    matches = {pl.String: pa.types.is_string, pl.Date: pa.types.is_date32, pl.Boolean: pa.types.is_boolean}
    fits = matches.get(dtype.base_type())
    return pl.lit(value, dtype) if fits is not None and fits(kind) else None


def _is_utc(dtype: Any) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone in (None, "UTC")
