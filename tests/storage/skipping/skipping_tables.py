"""Tables and conditions for tests of what is skipped: any values, any layout, row groups and files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import polars as pl
from deltalake import DeltaTable, write_deltalake
from hypothesis import strategies as st

from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch

UTC = dt.UTC
SCHEMA = pl.Schema(
    {
        "n": pl.Int64(),
        "p": pl.String(),
        "q": pl.Date(),
        "i": pl.Int64(),
        "small": pl.Int8(),
        "f": pl.Float64(),
        "t": pl.String(),
        "amount": pl.Decimal(20, 2),
        "day": pl.Date(),
        "at": pl.Datetime("us", "UTC"),
        "yes": pl.Boolean(),
        "s": pl.Struct({"x": pl.Int64(), "t": pl.String(), "l": pl.List(pl.Int64())}),
    }
)
_EPOCH = dt.datetime(2026, 1, 1, tzinfo=UTC)

_texts = st.sampled_from(["", "a", "ab", "b", "é", "\U0010ffff" * 40, "x" * 40, "x" * 31 + "éa", "Ω%_"])
_whole = st.integers(-3, 3) | st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**63 - 1])
_floats = st.sampled_from([0.0, -0.0, 1.5, -2.0, float("nan"), float("inf"), float("-inf"), 2.0**53])
_days = st.integers(0, 5).map(lambda days: dt.date(2026, 1, 1) + dt.timedelta(days=days))
_moments = st.integers(0, 20).map(
    lambda hours: _EPOCH + dt.timedelta(hours=7 * hours, microseconds=999_999 * (hours % 2))
)
_amounts = st.integers(-300, 300).map(lambda cents: Decimal(cents) / 100)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": _whole,
    "small": st.integers(-128, 127),
    "f": _floats,
    "t": _texts,
    "amount": _amounts,
    "day": _days,
    "at": _moments,
    "yes": st.booleans(),
    "p": st.sampled_from(["a", "b", "a=b/c d%"]),
    "q": _days,
}
LEAVES = {name: (name,) for name in VALUES} | {"s.x": ("s", "x"), "s.t": ("s", "t")}
VALUES |= {"s.x": _whole, "s.t": _texts}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Rows of `SCHEMA`, null here and there, or everywhere; sometimes in runs of near values."""
    height = draw(st.integers(1, 40))
    columns: dict[str, Any] = {"n": range(height)}
    for name in ("p", "q", "i", "small", "f", "t", "amount", "day", "at", "yes"):
        columns[name] = draw(_column(VALUES[name], height))
    inner = st.fixed_dictionaries(
        {"x": st.none() | _whole, "t": st.none() | _texts, "l": st.none() | st.lists(_whole, max_size=2)}
    )
    columns["s"] = draw(_column(inner, height))
    return pl.DataFrame(columns, schema=SCHEMA)


@st.composite
def _column(draw: st.DrawFn, values: st.SearchStrategy[Any], height: int) -> list[Any]:
    """Few different values, so that bounds are narrow and conditions meet some."""
    few = draw(st.lists(st.none() | values, min_size=1, max_size=4))
    return Random(draw(st.integers(0, 2**16))).choices(few, k=height)


@st.composite
def conditions(draw: st.DrawFn) -> pl.Expr:
    """Any combination of what is judged by statistics, and of what is not."""
    found = draw(_leaf_conditions())
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["and", "or", "not"]))
        if kind == "not":
            found = ~found
        else:
            other = draw(_leaf_conditions())
            found = found & other if kind == "and" else found | other
    return found


@st.composite
def _leaf_conditions(draw: st.DrawFn) -> pl.Expr:
    name = draw(st.sampled_from(sorted(LEAVES)))
    column, values = field(LEAVES[name]), VALUES[name]
    kinds = ["compare", "in", "between", "null", "not null", "missing", "unknown"]
    kinds += ["prefix"] * 3 if name in ("t", "s.t", "p") else []
    kinds += ["day"] * 3 if name == "at" else []
    kinds += ["flag"] * 3 if name == "yes" else []
    kinds += ["fraction"] * 2 if name in ("i", "s.x", "small") else []
    return condition(draw, draw(st.sampled_from(kinds)), column, values)


def condition(draw: st.DrawFn, kind: str, column: pl.Expr, values: st.SearchStrategy[Any]) -> pl.Expr:
    """One about a column."""
    if kind == "in":
        listed = draw(st.lists(st.none() | values, min_size=1, max_size=3))
        return column.is_in(listed, nulls_equal=draw(st.booleans()))
    if kind == "between":
        closed: Any = draw(st.sampled_from(["both", "left", "right", "none"]))
        return column.is_between(pl.lit(draw(values)), pl.lit(draw(values)), closed=closed)
    if kind in ("null", "not null"):
        return column.is_null() if kind == "null" else column.is_not_null()
    if kind == "missing":
        return column.eq_missing(draw(values)) if draw(st.booleans()) else column.ne_missing(draw(values))
    if kind == "unknown":
        return column.hash() % 2 == draw(st.integers(0, 1))
    if kind == "prefix":
        return column.str.starts_with(draw(values)[: draw(st.integers(0, 33))])
    if kind == "day":
        return _compared(draw, column.cast(pl.Date), draw(_days))
    if kind == "flag":
        return column
    return _compared(draw, column, draw(_floats if kind == "fraction" else values))


def _compared(draw: st.DrawFn, column: pl.Expr, value: Any) -> pl.Expr:
    operator = draw(st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]))
    pair = (column, pl.lit(value)) if draw(st.booleans()) else (pl.lit(value), column)
    compared: pl.Expr = getattr(pair[0], operator)(pair[1])
    return compared


def field(path: Sequence[str]) -> pl.Expr:
    """A column, or a field inside of structs."""
    expression = pl.col(path[0])
    for name in path[1:]:
        expression = expression.struct.field(name)
    return expression


def write_ours(
    uri: str,
    rows: pl.DataFrame,
    *,
    partition_by: Sequence[str] = (),
    sort_by: Sequence[str] = (),
    row_group_rows: int = 7,
    batches: int = 1,
) -> str:
    """A table of `rows`, a commit for each of the batches that they are cut into; its URI."""
    table = None
    size = -(-rows.height // batches)
    for number, part in enumerate(rows.iter_slices(size), 1):
        layout = FileLayout(sort_by=tuple(sort_by), row_group_rows=row_group_rows)
        with TableWriter(uri, partition_by=partition_by, layout=layout, buffer_bytes=2**24) as writer:
            writer.write(part)
            files = writer.finish()
        commit_batch(
            uri,
            table,
            app_id="test",
            batch=number,
            files=files,
            schema=rows.schema,
            partition_by=partition_by,
        )
        table = DeltaTable(uri)
    return uri


def write_theirs(uri: str, rows: pl.DataFrame, partition_by: Sequence[str] = ()) -> str:
    """The same by delta-rs, in two commits."""
    for part in rows.iter_slices(max(1, rows.height // 2)):
        write_deltalake(uri, part.to_arrow(), partition_by=list(partition_by), mode="append")
    return uri


def fresh(folder: Path) -> str:
    """The URI of a table that is not there yet, in a folder that readers stumble over."""
    return str(folder / "env=prod é" / uuid4().hex)
