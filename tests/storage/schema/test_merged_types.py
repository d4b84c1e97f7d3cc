"""Which types hold all values of which others."""

from __future__ import annotations

from itertools import product
from typing import Any

import polars as pl
import pytest
from deltalake import Schema as DeltaSchema
from hypothesis import given
from hypothesis import strategies as st
from polars.testing.parametric import series

from storage.layout.table_schema import delta_schema
from storage.tables.schema.columns import delta_type
from storage.tables.schema.merged_types import Merge, is_wider

TYPES: list[pl.DataType] = [
    pl.Boolean(),
    pl.Int8(),
    pl.Int16(),
    pl.Int32(),
    pl.Int64(),
    pl.Float32(),
    pl.Float64(),
    pl.String(),
    pl.Binary(),
    pl.Date(),
    pl.Datetime("us"),
    pl.Datetime("us", "UTC"),
    *(
        pl.Decimal(precision, scale)
        for precision, scale in product((1, 5, 20, 38), (0, 1, 5))
        if scale <= precision
    ),
]
types = st.sampled_from(TYPES)


def words(dtype: pl.DataType) -> str:
    schema: DeltaSchema = delta_schema(pl.Schema({"v": dtype}))
    return delta_type(schema.fields[0])


@given(data=st.data())
def test_is_wider_only_where_every_value_comes_back(data: st.DataObject) -> None:
    pairs = [pair for pair in product(TYPES, TYPES) if is_wider(words(pair[0]), words(pair[1]))]
    wide, narrow = data.draw(st.sampled_from(pairs))
    values = data.draw(series(dtype=narrow, allow_null=True))
    if narrow == pl.Date():
        values = values.filter(values.to_physical().is_between(-100_000_000, 100_000_000) | values.is_null())

    assert values.cast(wide).cast(narrow).equals(values)


@given(types, types, types)
def test_is_wider_is_an_order(one: pl.DataType, two: pl.DataType, three: pl.DataType) -> None:
    a, b, c = map(words, (one, two, three))

    assert not is_wider(a, a)
    assert not (is_wider(a, b) and is_wider(b, a))
    assert is_wider(a, c) or not (is_wider(a, b) and is_wider(b, c)) or a == c


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("double", "long"),
        ("float", "short"),
        ("long", "decimal(3,0)"),
        ("decimal(19,1)", "long"),
        ("decimal(10,1)", "decimal(10,2)"),
        ("string", "long"),
        ("timestamp", "timestamp_ntz"),
        ("date", "timestamp"),
        ("binary", "string"),
        ("[long]", "[integer]"),
    ],
)
def test_is_wider_where_something_could_be_lost_or_means_another_thing_is_false(
    wide: str, narrow: str
) -> None:
    assert not is_wider(wide, narrow)


def test_merge_of_maps_with_other_types_is_refused() -> None:
    theirs: dict[str, Any] = {"type": "map", "keyType": "string", "valueType": "integer"}
    field = {"name": "m", "type": theirs, "nullable": True, "metadata": {}}
    merge = Merge(())

    merge.fields([field], [{**field, "type": {**theirs, "valueType": "long"}}])

    assert list(merge.refused) == ["m"]
    assert not merge.widened
