"""From a Polars expression to a tree that statistics can judge.

Polars itself binds the expression to the columns first: what it hands to a source of rows has the type of
every literal, and every cast. What is not known here, by its name in Polars' own notation, becomes `Unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any as Json

import polars as pl
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

from storage.skipping.nodes import Node
from storage.skipping.predicate import (
    UNKNOWN,
    All,
    Any,
    BeginsWith,
    Compare,
    IsIn,
    IsNull,
    Not,
    Operand,
    Path,
    Predicate,
    find_type,
)

_FLIPPED = {"Lt": "Gt", "LtEq": "GtEq", "Gt": "Lt", "GtEq": "LtEq"}
_EQUAL = ("Eq", "NotEq", "EqValidity", "NotEqValidity")
_BETWEEN = {"Both": ("GtEq", "LtEq"), "Left": ("GtEq", "Lt"), "Right": ("Gt", "LtEq"), "None": ("Gt", "Lt")}
_LEAF: Json = {"Column": ""}


def understood(where: pl.Expr, schema: pl.Schema) -> Predicate:
    """What of `where` statistics can judge; lazy frames are not touched, nothing is read.

    Args:
        where: A boolean expression over rows of `schema`; one that does not fit them is `Unknown` as a whole.
        schema: The columns of the table.
    """
    handed: list[pl.Expr | None] = []

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, _rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        handed.append(predicate)
        yield pl.DataFrame(schema=schema).select(columns or schema.names())

    try:
        register_io_source(source, schema=schema).filter(where).collect()
    except PolarsError:
        return UNKNOWN
    return UNKNOWN if not handed or handed[0] is None else parse(handed[0], schema)


def parse(bound: pl.Expr, schema: pl.Schema, paths: Mapping[str, Path] | None = None) -> Predicate:
    """What of `bound`, as Polars hands it to a source of rows, statistics can judge.

    Args:
        bound: A boolean expression.
        schema: The columns of the table.
        paths: Where columns that the source calls otherwise are in the table.
    """
    try:
        return _Parser(schema, paths or {}).predicate(Node.of(bound))
    except PolarsError:
        return UNKNOWN


class _Parser:
    def __init__(self, schema: pl.Schema, paths: Mapping[str, Path]) -> None:
        self._schema = schema
        self._paths = paths

    def predicate(self, node: Node) -> Predicate:
        """Of a node whose values are boolean."""
        if node.path() is not None:
            operand = self._operand(node)
            is_flag = operand is not None and self._type(operand) == pl.Boolean
            return Compare(operand, "Eq", pl.lit(True)) if operand is not None and is_flag else UNKNOWN
        if node.kind == "BinaryExpr":
            return self._binary(node.body["op"], *node.inputs())
        if node.kind == "Alias" or (node.kind == "Cast" and node.body["dtype"] == {"Literal": "Boolean"}):
            return self.predicate(node.inputs()[0])
        return self._function(node)

    def _binary(self, operator: str, left: Node, right: Node) -> Predicate:
        if operator in ("And", "LogicalAnd"):
            return All((self.predicate(left), self.predicate(right)))
        if operator in ("Or", "LogicalOr"):
            return Any((self.predicate(left), self.predicate(right)))
        if operator not in _FLIPPED and operator not in _EQUAL:
            return UNKNOWN
        if left.is_constant():
            left, right, operator = right, left, _FLIPPED.get(operator, operator)
        return self._compare(left, operator, right)

    def _compare(self, node: Node, operator: str, constant: Node) -> Predicate:
        operand = self._operand(node)
        if operand is None or not constant.is_constant():
            return UNKNOWN
        if operator not in _EQUAL:
            return Compare(operand, operator, constant.expression)
        equal: Predicate = Compare(operand, "Eq", constant.expression)
        if operator.endswith("Validity"):  # null is a value here
            null = self._is_null(node, "IsNull")
            is_null = pl.select(constant.expression).to_series().has_nulls()  # Python may not have the value
            equal = null if is_null else All((equal, Not(null)))
        return Not(equal) if operator.startswith("Not") else equal

    def _function(self, node: Node) -> Predicate:
        family, name, options = node.function()
        if family == "StringExpr" and name == "StartsWith":
            return self._begins_with(*node.inputs())
        if family != "Boolean":
            return UNKNOWN
        inputs = node.inputs()
        if name == "Not":
            return Not(self.predicate(inputs[0]))
        if name in ("IsNull", "IsNotNull"):
            return self._is_null(inputs[0], name)
        if name == "IsBetween":
            low, high = _BETWEEN[options["closed"]]
            return All((self._compare(inputs[0], low, inputs[1]), self._compare(inputs[0], high, inputs[2])))
        if name == "IsIn":
            return self._is_in(*inputs, nulls_equal=options["nulls_equal"])
        if name in ("AllHorizontal", "AnyHorizontal"):
            parts = tuple(map(self.predicate, inputs))
            return All(parts) if name == "AllHorizontal" else Any(parts)
        return UNKNOWN

    def _is_null(self, node: Node, name: str) -> Predicate:
        operand = self._operand(node)
        if operand is None or node.path() is None:  # a cast may make nulls of values
            return UNKNOWN
        return IsNull(operand) if name == "IsNull" else Not(IsNull(operand))

    def _begins_with(self, node: Node, prefix: Node) -> Predicate:
        operand = self._operand(node)
        if operand is None or not prefix.is_constant():
            return UNKNOWN
        text = pl.select(prefix.expression).item()
        return BeginsWith(operand, text) if isinstance(text, str) else UNKNOWN

    def _is_in(self, node: Node, constants: Node, *, nulls_equal: bool) -> Predicate:
        """`nulls_equal`: null is in a list with null, and not in others, instead of perhaps."""
        operand = self._operand(node)
        if operand is None or not constants.is_constant():
            return UNKNOWN
        values = pl.select(constants.expression).to_series()
        if isinstance(values.dtype, pl.List | pl.Array) and len(values) == 1:
            values = values.explode()
        fits = values.dtype == self._type(operand) and values.null_count() == 0 and len(values)
        if not fits:
            return UNKNOWN
        found = IsIn(operand, values.unique().sort())
        return All((found, Not(self._is_null(node, "IsNull")))) if nulls_equal else found

    def _operand(self, node: Node) -> Operand | None:
        found = self._in_order(node)
        if found is None or self._leaf_type(found[0]) is None:
            return None
        return Operand(found[0], json.dumps(found[1]))

    def _in_order(self, node: Node) -> tuple[Path, Json] | None:
        """The leaf below `node`, and `node` with `""` for it; None unless each step keeps the order."""
        path = node.path()
        if path is not None:
            return (*self._paths.get(path[0], path[:1]), *path[1:]), _LEAF
        wraps = node.kind == "Cast" and node.body["options"] == "Overflowing"
        below = self._in_order(node.inputs()[0]) if node.kind == "Cast" and not wraps else None
        if below is None:
            return None
        cast = {"Cast": {**node.body, "expr": below[1], "options": "NonStrict"}}
        before, after = (self._type(Operand(below[0], json.dumps(one))) for one in (below[1], cast))
        return (below[0], cast) if _keeps_order(before, after) else None

    def _type(self, operand: Operand) -> pl.DataType | None:
        leaf = self._leaf_type(operand.path)
        if leaf is None:
            return None
        try:
            made = pl.LazyFrame(schema={"leaf": leaf}).select(operand.over("leaf"))
            return made.collect_schema().dtypes()[0]
        except PolarsError:
            return None

    def _leaf_type(self, path: Path) -> pl.DataType | None:
        dtype = find_type(self._schema, path)
        return None if dtype is None or dtype.is_nested() else dtype


def _keeps_order(before: pl.DataType | None, after: pl.DataType | None) -> bool:
    """Whether a cast from one type to the other never turns two values around."""
    if before is None or after is None:
        return False
    if before == after:
        return True
    if isinstance(before, pl.Date | pl.Datetime):
        if isinstance(after, pl.Datetime):
            return isinstance(before, pl.Date) or before.time_zone == after.time_zone
        return isinstance(after, pl.Date) and getattr(before, "time_zone", None) in (None, "UTC")
    if before.is_integer():
        return after.is_numeric()
    if isinstance(before, pl.Decimal):
        return after.is_float() or (isinstance(after, pl.Decimal) and after.scale >= before.scale)
    return before == pl.Float32 and after == pl.Float64
