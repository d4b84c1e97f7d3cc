"""Any value of any type that a contract can name: JSON in, a Delta table on disk out, the same bits."""

from __future__ import annotations

import base64
import json
import struct
import tempfile
from datetime import UTC, datetime
from decimal import Decimal as Exact
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from config.column_types import (
    Binary,
    Boolean,
    Column,
    ColumnType,
    Date,
    Decimal,
    Dictionary,
    Float,
    Integer,
    Json,
    List,
    String,
    Struct,
    Time,
    Timestamp,
)
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from tests.config.generated import COLUMNS
from tests.transforms.decoding import a_pipeline, padded
from transforms.conform import Conformer

POSITION = "position_in_file"
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON_TEXTS = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
).map(json.dumps)

Pair = tuple[str, Any]
"""A value as JSON text, and as Polars reads it back from the table."""


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def moments(kind: Timestamp) -> st.SearchStrategy[Pair]:
    """Numbers where the type takes them, else text: with an offset, or without a zone."""
    step = 10 ** (6 - DIGITS[kind.unit])
    zone = UTC if kind.zone else None

    def pair(units: int) -> Pair:
        moment = (
            datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=zone) + np.timedelta64(units * step, "us").item()
        )
        if kind.epoch:
            return f"{Exact(units * step).scaleb(DIGITS[kind.epoch] - 6):f}", moment
        return quoted(moment.isoformat()), moment

    return st.integers(-(-FIRST_US // step), LAST_US // step).map(pair)


def structs(fields: tuple[Column, ...]) -> st.SearchStrategy[Pair]:
    def pair(values: tuple[Pair, ...]) -> Pair:
        named = list(zip([field.name for field in fields], values, strict=True))
        text = ",".join(f"{quoted(name)}:{text}" for name, (text, _) in named)
        return f"{{{text}}}", {name: value for name, (_, value) in named}

    return st.tuples(*map(column_values, fields)).map(pair)


def column_values(column: Column) -> st.SearchStrategy[Pair]:
    found = values(column.type)
    return found if column.required else st.just(("null", None)) | found


def values(kind: ColumnType) -> st.SearchStrategy[Pair]:
    """Any value of a type."""
    match kind:
        case Boolean():
            return st.booleans().map(lambda one: (json.dumps(one), one))
        case Integer(bits, signed):
            limits = np.iinfo(f"{'' if signed else 'u'}int{bits}")
            return st.integers(int(limits.min), int(limits.max)).map(lambda one: (str(one), one))
        case Float(bits):
            floats = st.floats(allow_nan=False, allow_infinity=False, width=32 if bits == 32 else 64)
            return floats.map(lambda one: (repr(one), one))
        case Decimal(precision, scale):
            most = 10**precision - 1
            exact = st.integers(-most, most).map(lambda one: Exact(f"{one}e-{scale}"))
            return exact.map(lambda one: (f"{one:f}", one))
        case String():
            return TEXTS.map(lambda one: (quoted(one), one))
        case Dictionary():
            few = st.sampled_from(["", "DE", "a text of more than twelve bytes"]) | TEXTS
            return few.map(lambda one: (quoted(one), one))
        case Json():
            return JSON_TEXTS.map(lambda one: (one, one))
        case Binary():
            return st.binary(max_size=40).map(lambda one: (quoted(base64.b64encode(one).decode()), one))
        case Date():
            return st.dates().map(lambda one: (quoted(one.isoformat()), one))
        case Time():
            return st.times().map(lambda one: (quoted(one.isoformat()), f"{one:%H:%M:%S.%f}"))
        case Timestamp():
            return moments(kind)
        case Struct(fields):
            return structs(fields)
        case List(element):
            lists = st.lists(column_values(element), max_size=3)
            return lists.map(lambda some: (f"[{','.join(t for t, _ in some)}]", [value for _, value in some]))


@st.composite
def landed(draw: st.DrawFn) -> tuple[tuple[Column, ...], list[Pair]]:
    """Columns of any types, and up to four records of them."""
    columns = draw(COLUMNS)
    return columns, draw(st.lists(structs(columns), min_size=1, max_size=4))


def bits(value: Any) -> Any:
    """A value in which -0.0 and 0.0 differ."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, dict):
        return {name: bits(one) for name, one in value.items()}
    return [bits(one) for one in value] if isinstance(value, list) else value


def table_of(columns: tuple[Column, ...], lines: list[str], uri: str) -> pl.DataFrame:
    """The rows that come out of a table with these lines, in their order."""
    conformer = Conformer(
        a_pipeline((Column(POSITION, Integer(64)), *columns)),  # type: ignore[arg-type]  # as Python may say it
        max_nesting=64,
        positions=False,
    )
    numbered = (f'{{"{POSITION}":{number},{line[1:]}\n' for number, line in enumerate(lines))
    text = "".join(numbered).encode()
    (chunk,) = conformer.conform(padded(text), len(text), np.zeros(1, np.int64)).chunks
    assert chunk.rejected.is_empty(), chunk.rejected.to_dicts()
    with TableWriter(uri, buffer_bytes=2**20) as writer:
        writer.write(chunk.accepted)
        files = writer.finish()
    commit_batch(uri, None, app_id="a", batch=1, files=files, schema=chunk.accepted.schema, partition_by=[])
    return pl.scan_delta(uri).collect().sort(POSITION)


@settings(max_examples=150)
@given(landed())
def test_table_gives_back_any_value_of_any_type(given_: tuple[tuple[Column, ...], list[Pair]]) -> None:
    columns, records = given_

    with tempfile.TemporaryDirectory() as folder:
        rows = table_of(columns, [text for text, _ in records], str(Path(folder) / "table"))

    got = rows.drop(POSITION, "_rescued").to_dicts()
    assert [bits(row) for row in got] == [bits(value) for _, value in records]
    assert rows["_rescued"].null_count() == len(records)
