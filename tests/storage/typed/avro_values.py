"""Random Avro schemas, and values that stand under them: for files that fastavro writes."""

from __future__ import annotations

import datetime
import itertools
import string
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Typed = tuple[Any, st.SearchStrategy[Any]]
"""A schema, and what stands under it."""

_UTC_TIMES = st.datetimes(timezones=st.just(datetime.UTC))
_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=20),
}
_LOGICAL: list[Typed] = [
    ({"type": "int", "logicalType": "date"}, st.dates()),
    ({"type": "int", "logicalType": "time-millis"}, st.times().map(lambda t: t.replace(microsecond=5000))),
    ({"type": "long", "logicalType": "time-micros"}, st.times()),
    (
        {"type": "long", "logicalType": "timestamp-millis"},
        _UTC_TIMES.map(lambda t: t.replace(microsecond=7000)),
    ),
    ({"type": "long", "logicalType": "timestamp-micros"}, _UTC_TIMES),
    ({"type": "long", "logicalType": "local-timestamp-micros"}, st.datetimes()),
    ({"type": "int", "logicalType": "unheard-of"}, _PRIMITIVES["int"]),
]
# Of several of these, the type of a value tells which is meant.
_BRANCHES = ("null", "boolean", "long", "double", "string", "bytes")
_LABELS = st.lists(st.text(string.ascii_letters, min_size=1, max_size=4), min_size=1, max_size=4, unique=True)


@st.composite
def schemas_and_rows(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    """The schema of a record, and a few records."""
    schema, values = draw(_records(3, itertools.count()))
    return schema, draw(st.lists(values, max_size=12))


def _types(depth: int, names: Iterator[int]) -> st.SearchStrategy[Typed]:
    leaves = (
        st.sampled_from(list(_PRIMITIVES.items()))
        | st.sampled_from(_LOGICAL)
        | _decimals(names)
        | _fixed(names)
        | _enums(names)
    )
    if not depth:
        return leaves
    inner = st.deferred(lambda: _types(depth - 1, names))
    return (
        leaves | inner.map(_array) | inner.map(_map) | _nullable(inner) | _unions() | _records(depth, names)
    )


@st.composite
def _records(draw: st.DrawFn, depth: int, names: Iterator[int]) -> Typed:
    fields = {label: draw(_types(depth - 1, names)) for label in draw(_LABELS)}
    schema = {
        "type": "record",
        "name": f"record{next(names)}",
        "fields": [{"name": label, "type": kind} for label, (kind, _) in fields.items()],
    }
    return schema, st.fixed_dictionaries({label: values for label, (_, values) in fields.items()})


def _array(inner: Typed) -> Typed:
    return {"type": "array", "items": inner[0]}, st.lists(inner[1], max_size=4)


def _map(inner: Typed) -> Typed:
    return {"type": "map", "values": inner[0]}, st.dictionaries(st.text(max_size=5), inner[1], max_size=4)


def _nullable(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return inner.filter(lambda one: not isinstance(one[0], list) and one[0] != "null").flatmap(
        lambda one: st.sampled_from([["null", one[0]], [one[0], "null"]]).map(
            lambda branches: (branches, st.none() | one[1])
        )
    )


def _unions() -> st.SearchStrategy[Typed]:
    return st.lists(st.sampled_from(_BRANCHES), min_size=1, unique=True).map(
        lambda kinds: (kinds, st.one_of([_PRIMITIVES[kind] for kind in kinds]))
    )


@st.composite
def _decimals(draw: st.DrawFn, names: Iterator[int]) -> Typed:
    precision = draw(st.integers(1, 70))
    scale = draw(st.integers(0, precision))
    base: dict[str, Any] = {"type": "bytes"}
    if draw(st.booleans()):
        base = {"type": "fixed", "name": f"decimal{next(names)}", "size": draw(st.integers(30, 40))}
    most = 10**precision - 1
    values = st.integers(-most, most).map(lambda n: Decimal((n < 0, tuple(map(int, str(abs(n)))), -scale)))
    return base | {"logicalType": "decimal", "precision": precision, "scale": scale}, values


@st.composite
def _fixed(draw: st.DrawFn, names: Iterator[int]) -> Typed:
    size = draw(st.integers(1, 20))
    return {"type": "fixed", "name": f"fixed{next(names)}", "size": size}, st.binary(
        min_size=size, max_size=size
    )


@st.composite
def _enums(draw: st.DrawFn, names: Iterator[int]) -> Typed:
    symbols = draw(_LABELS)
    return {"type": "enum", "name": f"enum{next(names)}", "symbols": symbols}, st.sampled_from(symbols)
