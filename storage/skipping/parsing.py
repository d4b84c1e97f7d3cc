"""From a Polars expression to a tree that statistics can judge.

Polars itself binds the expression to the columns first: what it hands to a source of rows has the type of
every literal, and every cast. What is not known here, by its name in Polars' own notation, becomes `Unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any as Json

import polars as pl
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

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
    from_json,
)

_FLIPPED = {"Lt": "Gt", "LtEq": "GtEq", "Gt": "Lt", "GtEq": "LtEq", "Eq": "Eq", "NotEq": "NotEq"}
_BETWEEN = {"Both": ("GtEq", "LtEq"), "Left": ("GtEq", "Lt"), "Right": ("Gt", "LtEq"), "None": ("Gt", "Lt")}
_LEAF = json.dumps({"Column": ""})


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


def parse(bound: pl.Expr, schema: pl.Schema) -> Predicate:
    """What of `bound`, as Polars hands it to a source of rows, statistics can judge."""
    try:
        node = json.loads(bound.meta.serialize(format="json"))
    except (PolarsError, ValueError):
        return UNKNOWN
    return _Parser(schema).predicate(node)


class _Parser:
    def __init__(self, schema: pl.Schema) -> None:
        self._schema = schema

    def predicate(self, node: Json) -> Predicate:
        """Of a node whose values are boolean."""
        kind, body = _only(node)
        if kind == "Column" or _is_field(node):
            operand = self._operand(node)
            is_flag = operand is not None and self._type(operand) == pl.Boolean
            return Compare(operand, "Eq", pl.lit(True)) if operand is not None and is_flag else UNKNOWN
        if kind == "BinaryExpr":
            return self._binary(body["op"], body["left"], body["right"])
        if kind == "Cast" and body["dtype"] == {"Literal": "Boolean"}:
            return self.predicate(body["expr"])
        if kind == "Alias":
            return self.predicate(body[0])
        if kind == "Function":
            return self._function(body["function"], body["input"])
        return UNKNOWN

    def _binary(self, operator: str, left: Json, right: Json) -> Predicate:
        if operator in ("And", "LogicalAnd"):
            return All((self.predicate(left), self.predicate(right)))
        if operator in ("Or", "LogicalOr"):
            return Any((self.predicate(left), self.predicate(right)))
        if operator not in _FLIPPED:
            return UNKNOWN
        if _is_constant(left):
            left, right, operator = right, left, _FLIPPED[operator]
        return self._compare(left, operator, right)

    def _compare(self, node: Json, operator: str, constant: Json) -> Predicate:
        operand = self._operand(node)
        if operand is None or not _is_constant(constant):
            return UNKNOWN
        value = from_json(json.dumps(constant))
        if operator == "NotEq":
            return Not(Compare(operand, "Eq", value))
        return Compare(operand, operator, value)

    def _function(self, function: Json, inputs: list[Json]) -> Predicate:
        kind, body = _only(function)
        name, options = _only(body)
        if kind == "StringExpr" and name == "StartsWith":
            return self._begins_with(*inputs)
        if kind != "Boolean":
            return UNKNOWN
        if name == "Not":
            return Not(self.predicate(inputs[0]))
        if name in ("IsNull", "IsNotNull"):
            operand = self._operand(inputs[0])
            if operand is None:
                return UNKNOWN
            return IsNull(operand) if name == "IsNull" else Not(IsNull(operand))
        if name == "IsBetween":
            low, high = _BETWEEN[options["closed"]]
            return All((self._compare(inputs[0], low, inputs[1]), self._compare(inputs[0], high, inputs[2])))
        if name == "IsIn":
            return self._is_in(*inputs)
        if name in ("AllHorizontal", "AnyHorizontal"):
            parts = tuple(map(self.predicate, inputs))
            return All(parts) if name == "AllHorizontal" else Any(parts)
        return UNKNOWN

    def _begins_with(self, node: Json, prefix: Json) -> Predicate:
        operand, text = self._operand(node), _text(prefix)
        if operand is None or text is None or operand.of != _LEAF:
            return UNKNOWN
        return BeginsWith(operand, text)

    def _is_in(self, node: Json, constants: Json) -> Predicate:
        operand = self._operand(node)
        if operand is None or not _is_constant(constants):
            return UNKNOWN
        try:
            values = pl.select(from_json(json.dumps(constants))).to_series()
        except PolarsError:
            return UNKNOWN
        if isinstance(values.dtype, pl.List | pl.Array) and len(values) == 1:
            values = values.explode()
        fits = values.dtype == self._type(operand) and values.null_count() == 0 and len(values)
        return IsIn(operand, values.unique().sort()) if fits else UNKNOWN

    def _operand(self, node: Json) -> Operand | None:
        found = self._in_order(node)
        if found is None or self._leaf_type(found[0]) is None:
            return None
        return Operand(found[0], json.dumps(found[1]))

    def _in_order(self, node: Json) -> tuple[Path, Json] | None:
        """The leaf below `node`, and `node` with `""` for it; None unless each step keeps the order."""
        path = path_of(node)
        if path is not None:
            return path, {"Column": ""}
        kind, body = _only(node)
        if kind == "Cast":
            below = self._in_order(body["expr"])
            if below is None:
                return None
            cast = {"Cast": {**body, "expr": below[1], "options": "NonStrict"}}
            before, after = (self._type(Operand(below[0], json.dumps(one))) for one in (below[1], cast))
            return (below[0], cast) if _keeps_order(before, after) else None
        return None

    def _type(self, operand: Operand) -> pl.DataType | None:
        leaf = self._leaf_type(operand.path)
        if leaf is None:
            return None
        try:
            return (
                pl.LazyFrame(schema={"leaf": leaf}).select(operand.over("leaf")).collect_schema().dtypes()[0]
            )
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


def _only(node: Json) -> tuple[str, Json]:
    """The name and the contents of a node; a name alone has none."""
    if isinstance(node, dict) and len(node) == 1:
        return next(iter(node.items()))
    return (node, None) if isinstance(node, str) else ("", None)


def _is_field(node: Json) -> bool:
    kind, body = _only(node)
    return kind == "Function" and _only(body["function"])[0] == "StructExpr"


def path_of(node: Json) -> Path | None:
    """The column, or the field inside of structs, that a node is; None where it is something else."""
    kind, body = _only(node)
    if kind == "Column":
        return (body,)
    if _is_field(node):
        name, field = _only(body["function"]["StructExpr"])
        above = path_of(body["input"][0]) if name == "FieldByName" else None
        return None if above is None else (*above, field)
    return None


def _is_constant(node: Json) -> bool:
    kind, body = _only(node)
    return kind == "Literal" or (kind == "Cast" and _is_constant(body["expr"]))


def _text(node: Json) -> str | None:
    kind, body = _only(node)
    text = body.get("Scalar", {}) if kind == "Literal" and isinstance(body, dict) else {}
    found = text.get("String") if isinstance(text, dict) else None
    return found if isinstance(found, str) else None
