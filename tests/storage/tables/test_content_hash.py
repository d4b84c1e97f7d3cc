"""The content hash: the same for the same rows in whatever files and order, another one for anything else."""

from __future__ import annotations

import itertools
from typing import Any

import hypothesis.strategies as st
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

from storage.tables.content_hash import content_hash
from tests.storage.layout.frames import tables

_NESTED = pl.List(pl.List(pl.String))
_STRUCT = pl.Struct({"a": pl.Int64, "b": pl.String})


@given(tables(parts=4, lists=True), st.randoms(use_true_random=False))
def test_content_hash_ignores_order_of_rows_and_columns_and_files(
    parts: list[pl.DataFrame], random: Any
) -> None:
    whole = pl.concat(parts)
    shuffled = random.sample(parts, len(parts))
    columns = random.sample(whole.columns, len(whole.columns))

    other = pl.concat([part.reverse().select(columns) for part in shuffled], rechunk=random.random() < 0.5)

    assert content_hash(other.lazy()) == content_hash(whole.lazy())


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (pl.String, [None, "", "null", " "]),
        (pl.Binary, [None, b"", b"\x00", b"\x00\x00"]),
        (pl.Float64, [None, 0.0, -0.0, float("nan"), float("inf"), 5e-324]),
        (pl.Float32, [None, 0.0, -0.0, float("nan"), float("-inf")]),
        (pl.Boolean, [None, False, True]),
        (pl.Int64, [None, 0, 1, -1, 2**63 - 1, -(2**63)]),
        (pl.Categorical, [None, "", "a"]),
        (pl.Array(pl.Int64, 2), [None, [1, 2], [2, 1], [None, None]]),
        (
            _NESTED,
            [None, [], [None], [[]], [[None]], [[""]], [[], []], [["a", "b"]], [["a"], ["b"]], [["ab"]]],
        ),
        (
            _STRUCT,
            [None, {"a": None, "b": None}, {"a": None, "b": ""}, {"a": 0, "b": None}, {"a": 0, "b": ""}],
        ),
        (pl.List(_STRUCT), [None, [], [None], [{"a": None, "b": None}], [{"a": 0, "b": ""}]]),
    ],
    ids=str,
)
def test_content_hash_of_other_values_is_another(dtype: pl.DataType, values: list[Any]) -> None:
    hashes = [content_hash(pl.LazyFrame({"x": [value]}, schema={"x": dtype})) for value in values]

    assert len(set(hashes)) == len(values)


@given(tables(parts=1), st.integers(0, 10), st.integers(0, 10))
def test_content_hash_of_other_rows_is_another(
    parts: list[pl.DataFrame], left_out: int, doubled: int
) -> None:
    rows = parts[0].with_row_index("n")
    fewer = rows.filter(pl.col("n") != left_out)
    more = pl.concat([rows, rows.filter(pl.col("n") == doubled)])

    frames = {frame.height: content_hash(frame.lazy()) for frame in (rows, fewer, more)}

    assert len(set(frames.values())) == len(frames)


def test_content_hash_tells_which_values_stand_together() -> None:
    together = pl.LazyFrame({"a": [1, 2], "b": ["x", "y"]})
    crossed = pl.LazyFrame({"a": [1, 2], "b": ["y", "x"]})
    swapped = together.rename({"a": "b", "b": "a"})

    assert len({content_hash(one) for one in (together, crossed, swapped)}) == 3


def test_content_hash_tells_types_and_names_apart() -> None:
    rows = pl.DataFrame({"x": [1, None]})
    frames = [rows.cast(one) for one in (pl.Int32, pl.Int64, pl.Float64, pl.String, pl.Decimal(5, 0))]
    frames += [rows.rename({"x": "y"}), rows.with_columns(y=None), rows.clear(), rows.clear().cast(pl.Int32)]
    frames += [rows.select(pl.concat_list("x")), rows.select(pl.struct("x").alias("x"))]

    assert len({content_hash(one.lazy()) for one in frames}) == len(frames)


def test_content_hash_ignores_how_values_are_encoded() -> None:
    text = pl.DataFrame(
        {"x": ["a", None, ""], "l": [["a"], [], None], "s": [{"a": "a", "b": 1}, None, {"a": None}]}
    )
    category = text.with_columns(pl.col("x").cast(pl.Categorical), pl.col("l").cast(pl.List(pl.Categorical)))
    enum = text.with_columns(pl.col("x").cast(pl.Enum(["", "a"])))
    fields = pl.struct(pl.col("s").struct.field("b"), pl.col("s").struct.field("a"))
    turned = text.with_columns(s=pl.when(pl.col("s").is_not_null()).then(fields))

    assert len({content_hash(one.lazy()) for one in (text, category, enum, turned)}) == 1


def test_content_hash_takes_all_nans_for_one_and_the_order_of_a_map_for_none() -> None:
    nans = pl.DataFrame({"x": [0x7FF8000000000000, 0xFFF8000000000001]}, schema={"x": pl.UInt64})
    each = {
        content_hash(nans[n : n + 1].select(pl.all().reinterpret(dtype=pl.Float64)).lazy()) for n in (0, 1)
    }
    entries = [("a", 1), ("b", None), ("c", 1)]
    kind = pa.map_(pa.string(), pa.int64())
    maps = {
        content_hash(pl.DataFrame(pa.table({"m": pa.array([list(order)], kind)})).lazy())
        for order in itertools.permutations(entries)
    }
    others = [None, [], entries[:1], [("a", None)], [("a", 1), ("b", 1)]]
    found = {content_hash(pl.DataFrame(pa.table({"m": pa.array([one], kind)})).lazy()) for one in others}

    assert (len(each), len(maps), len(found | maps)) == (1, 1, 6)


def test_content_hash_of_no_rows_or_columns_is_one_too() -> None:
    assert len(content_hash(pl.LazyFrame())) == 32
    assert content_hash(pl.LazyFrame(schema={"x": pl.Int64})) == content_hash(
        pl.LazyFrame({"x": [1]}).head(0)
    )
