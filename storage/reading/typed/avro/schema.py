"""Schemas as a tree without references: https://avro.apache.org/docs/1.12.0/specification/#schema-declaration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.reading.typed.failure import UnreadableError

_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_MAX_DEPTH = 64
_MAX_NODES = 20_000
_MAX_BRANCHES = 127
_MAX_PRECISION = 76
_DIGITS_A_BIT = math.log10(2)


@dataclass(frozen=True, slots=True)
class Node:
    """One type where it stands in a row.

    Attributes:
        kind: One of Avro's types: primitive, record, enum, array, map, union or fixed.
        name: The full name, where it has one, else the kind.
        logical: The logical type as it is declared, whether or not it fits; a decimal always does.
        children: The fields, the items, the values or the branches.
        labels: The names of the fields, or the symbols.
        size: Of a fixed, in bytes.
        precision: Of a decimal; 0 where none is declared.
        scale: Of a decimal.
    """

    kind: str
    name: str
    logical: str | None = None
    children: tuple[Node, ...] = ()
    labels: tuple[str, ...] = ()
    size: int = 0
    precision: int = 0
    scale: int = 0


def parse_schema(text: bytes) -> Node:
    """The record that the schema declares.

    Raises:
        UnreadableError: It is no schema, or one that Arrow has no columns for: recursive, or not a record.
    """
    try:
        node = _Parser().node(json.loads(text), "", 0)  # row objects allowed: a schema
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError("corrupt_file", f"the schema cannot be read: {error!r}") from error
    if node.kind != "record":
        raise unsupported(f"rows of type {node.kind}")
    return node


def unsupported(what: str) -> UnreadableError:
    """The error for a schema that Arrow has no columns for."""
    return UnreadableError("unsupported_schema", what)


@dataclass(slots=True)
class _Parser:
    """Puts each named type where it is used.

    Attributes:
        named: The declarations so far, with the namespace that holds inside of each.
        open: The names around the one that is looked at: a type that holds itself has no columns.
        nodes: How many there are so far: names that hold names grow as powers do.
    """

    named: dict[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    nodes: int = 0

    def node(self, schema: Any, namespace: str, depth: int) -> Node:
        self.nodes += 1
        if depth > _MAX_DEPTH or self.nodes > _MAX_NODES:
            raise unsupported("a schema that is nested too deeply or too large")
        if isinstance(schema, str):
            return self._by_name(schema, namespace, depth)
        if isinstance(schema, list):
            return self._union(schema, namespace, depth)
        kind = schema["type"]
        if kind in ("record", "error", "enum", "fixed"):
            return self._declared(schema, namespace, depth)
        if kind in ("array", "map"):
            inner = self.node(schema["items" if kind == "array" else "values"], namespace, depth + 1)
            return Node(kind, kind, children=(inner,))
        if kind in _PRIMITIVES:
            return _leaf(kind, kind, schema)
        return self.node(kind, namespace, depth + 1)

    def _by_name(self, name: str, namespace: str, depth: int) -> Node:
        if name in _PRIMITIVES:
            return Node(name, name)
        full = _full_name(name, namespace)
        found = self.named.get(full) or self.named[name]
        return self._expanded(full if full in self.named else name, *found, depth)

    def _union(self, branches: list[Any], namespace: str, depth: int) -> Node:
        if not 0 < len(branches) <= _MAX_BRANCHES:
            raise unsupported(f"a union of {len(branches)} types")
        children = tuple(self.node(one, namespace, depth + 1) for one in branches)
        if any(one.kind == "union" for one in children):
            raise ValueError("a union in a union")
        return Node("union", "union", children=children)

    def _declared(self, schema: Mapping[str, Any], namespace: str, depth: int) -> Node:
        full = _full_name(schema["name"], schema.get("namespace", namespace) or "")
        inner = full.rpartition(".")[0]
        if full in self.named:
            raise ValueError(f"{full} is declared twice")
        self.named[full] = schema, inner
        return self._expanded(full, schema, inner, depth)

    def _expanded(self, full: str, schema: Mapping[str, Any], namespace: str, depth: int) -> Node:
        if full in self.open:
            raise unsupported(f"{full} holds itself")
        if schema["type"] == "enum":
            return Node("enum", full, labels=_texts(schema["symbols"]))
        if schema["type"] == "fixed":
            return _leaf("fixed", full, schema)
        self.open.append(full)
        fields = schema["fields"]
        children = tuple(self.node(one["type"], namespace, depth + 1) for one in fields)
        self.open.pop()
        return Node("record", full, children=children, labels=_texts([one["name"] for one in fields]))


def _leaf(kind: str, name: str, schema: Mapping[str, Any]) -> Node:
    logical = schema.get("logicalType")
    size = _count(schema["size"]) if kind == "fixed" else 0
    if logical != "decimal":
        return Node(kind, name, logical if isinstance(logical, str) else None, size=size)
    precision, scale = schema.get("precision", 0), schema.get("scale", 0)
    if not _is_decimal(kind, size, precision, scale):
        return Node(kind, name, size=size)  # what is declared wrong is to be ignored
    if precision > _MAX_PRECISION:
        raise unsupported(f"decimals of {precision} digits")
    return Node(kind, name, "decimal", size=size, precision=precision, scale=scale)


def _is_decimal(kind: str, size: int, precision: Any, scale: Any) -> bool:
    """Whether numbers of so many digits can stand there."""
    if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision > 0:
        return False
    return kind == "bytes" or (kind == "fixed" and precision <= _DIGITS_A_BIT * (8 * size - 1))


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _texts(values: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(one, str) for one in values):
        raise TypeError("names that are no text")
    return tuple(values)


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError(f"a size of {value!r}")
    return value
