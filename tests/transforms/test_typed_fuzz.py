"""Arrow arrays of any type under contracts of any type: no crash, valid columns, no row forgotten."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.typed_decoding import a_contract
from transforms.decode.kernel.codes import REASONS
from transforms.decode.typed.copies import copies
from transforms.decode.typed.decoder import TypedDecoder

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
LONGS = st.integers(-(2**63), 2**63 - 1)
ARRAYS: st.SearchStrategy[pa.Array] = st.deferred(lambda: st.one_of(LEAVES, NESTED, ENCODED, SLICED))


def typed(arrow: pa.DataType, values: st.SearchStrategy[Any]) -> st.SearchStrategy[pa.Array]:
    return st.lists(st.none() | values, max_size=5).map(lambda items: pa.array(items, arrow))


def counted(arrow: pa.DataType, numbers: st.SearchStrategy[int]) -> st.SearchStrategy[pa.Array]:
    """Counts of whatever the type counts, also of more than Python has a name for."""
    stored = pa.int32() if arrow.bit_width == 32 else pa.int64()
    return st.lists(st.none() | numbers, max_size=5).map(lambda items: pa.array(items, stored).view(arrow))


def strict(text: str | bytes) -> Any:
    """The value of a JSON text; NaN and the like are none."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


LEAVES: st.SearchStrategy[pa.Array] = st.one_of(
    typed(pa.int8(), st.integers(-128, 127)),
    typed(pa.uint64(), st.integers(0, 2**64 - 1)),
    typed(pa.int64(), LONGS),
    typed(pa.float64(), st.floats()),
    typed(pa.float32(), st.floats(width=32)),
    typed(pa.float16(), st.floats(width=16).map(np.float16)),
    typed(pa.bool_(), st.booleans()),
    typed(pa.string(), TEXTS),
    typed(pa.large_string(), TEXTS),
    typed(pa.string_view(), TEXTS),
    typed(pa.json_(), TEXTS | st.integers().map(str)),
    typed(pa.binary(), st.binary(max_size=15)),
    typed(pa.binary_view(), st.binary(max_size=15)),
    typed(pa.binary(3), st.binary(min_size=3, max_size=3)),
    typed(pa.uuid(), st.binary(min_size=16, max_size=16)),
    typed(pa.decimal128(38, 6), st.decimals(-(10**30), 10**30, places=6)),
    typed(pa.decimal256(76, 50), st.decimals(-(10**9), 10**9, places=9)),
    typed(pa.duration("us"), st.timedeltas(timedelta(-9000), timedelta(9000))),
    counted(pa.date32(), st.integers(-(2**31), 2**31 - 1)),
    counted(pa.date64(), st.integers(-(10**11), 10**11).map(lambda days: days * 86_400_000)),
    counted(pa.time32("s"), st.integers(0, 86_399)),
    counted(pa.time64("ns"), st.integers(0, 86_400 * 10**9 - 1)),
    counted(pa.duration("ns"), LONGS),
    *(
        counted(pa.timestamp(unit, zone), LONGS)
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "UTC", "Asia/Kolkata", "-03:00", "No/Where")
    ),
    st.integers(0, 4).map(pa.nulls),
)


@st.composite
def structs(draw: st.DrawFn) -> pa.Array:
    children = draw(st.lists(ARRAYS, min_size=1, max_size=3))
    size = min(map(len, children))
    names = draw(
        st.lists(st.sampled_from(["a", "b", "", "x.y"]), min_size=len(children), max_size=len(children))
    )
    mask = pa.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), pa.bool_())
    return pa.StructArray.from_arrays([child[:size] for child in children], names, mask=mask)


@st.composite
def lists(draw: st.DrawFn) -> pa.Array:
    elements = draw(ARRAYS)
    bounds = sorted(draw(st.lists(st.integers(0, len(elements)), min_size=1, max_size=4)))
    count = len(bounds) - 1
    mask = pa.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), pa.bool_())
    match draw(st.sampled_from(["list", "large", "fixed", "view", "large_view"])):
        case "list":
            return pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), elements, mask=mask)
        case "large":
            return pa.LargeListArray.from_arrays(pa.array(bounds, pa.int64()), elements, mask=mask)
        case "fixed":
            return pa.FixedSizeListArray.from_arrays(elements[: len(elements) // 2 * 2], 2)
        case "view":
            offsets, sizes = pa.array(bounds[:-1], pa.int32()), pa.array(np.diff(bounds), pa.int32())
            return pa.ListViewArray.from_arrays(offsets, sizes, elements, mask=mask)
    offsets, sizes = pa.array(bounds[:-1][::-1], pa.int64()), pa.array(np.diff(bounds)[::-1], pa.int64())
    return pa.LargeListViewArray.from_arrays(offsets, sizes, elements, mask=mask)


@st.composite
def maps(draw: st.DrawFn) -> pa.Array:
    values = draw(ARRAYS)
    keys = pa.array(draw(st.lists(TEXTS, min_size=len(values), max_size=len(values))), pa.string())
    bounds = sorted(draw(st.lists(st.integers(0, len(values)), min_size=1, max_size=4)))
    return pa.MapArray.from_arrays(pa.array(bounds, pa.int32()), keys, values)


@st.composite
def unions(draw: st.DrawFn) -> pa.Array:
    children = draw(st.lists(ARRAYS, min_size=1, max_size=3))
    if draw(st.booleans()):
        size = min(map(len, children))
        codes = draw(st.lists(st.integers(0, len(children) - 1), min_size=size, max_size=size))
        return pa.UnionArray.from_sparse(pa.array(codes, pa.int8()), [child[:size] for child in children])
    slots = [(code, place) for code, child in enumerate(children) for place in range(len(child))]
    chosen = draw(st.lists(st.sampled_from(slots), max_size=5)) if slots else []
    codes, places = [code for code, _ in chosen], [place for _, place in chosen]
    return pa.UnionArray.from_dense(pa.array(codes, pa.int8()), pa.array(places, pa.int32()), children)


@st.composite
def encoded(draw: st.DrawFn) -> pa.Array:
    values = draw(LEAVES | NESTED)
    if draw(st.booleans()) or len(values) == 0:
        codes = st.none() | st.integers(0, len(values) - 1) if len(values) else st.none()
        return pa.DictionaryArray.from_arrays(pa.array(draw(st.lists(codes, max_size=5)), pa.int8()), values)
    ends = np.cumsum(draw(st.lists(st.integers(1, 3), min_size=len(values), max_size=len(values))))
    return pa.RunEndEncodedArray.from_arrays(pa.array(ends, pa.int32()), values)


@st.composite
def sliced(draw: st.DrawFn) -> pa.Array:
    array = draw(LEAVES | NESTED | ENCODED)
    first = draw(st.integers(0, len(array)))
    return array.slice(first, draw(st.integers(0, len(array) - first)))


NESTED: st.SearchStrategy[pa.Array] = st.one_of(structs(), lists(), maps(), unions())
ENCODED: st.SearchStrategy[pa.Array] = encoded()
SLICED: st.SearchStrategy[pa.Array] = sliced()

LEAF_KINDS = [
    *("int8", "uint64", "int64", "float32", "float64", "decimal(9,2)", "decimal(38,20)", "bool", "binary"),
    *("string", "string!", "dictionary", "json", "json!", "date", "time", "timestamp[s]", "timestamp[us]"),
    "timestamp[us, UTC]",
    {"type": "timestamp[ms, UTC]", "epoch": "us"},
    {"type": "timestamp[us, UTC]!", "assume_zone": "Europe/Berlin"},
]
KINDS = st.recursive(
    st.sampled_from(LEAF_KINDS),
    lambda below: st.one_of(
        below.map(lambda kind: [kind]),
        st.dictionaries(st.sampled_from(["a", "b", "key"]), below, min_size=1),
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(ARRAYS, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["c0", "c1", "c3"]), KINDS, min_size=1),
    st.sampled_from(["quarantine", "rescue"]),
    st.sampled_from(["rescue", "ignore", "fail"]),
)
def test_decode_any_arrow_arrays_gives_valid_columns_and_copies(
    arrays: list[pa.Array], columns: dict[str, Any], on_mismatch: str, on_new_column: str
) -> None:
    size = min(map(len, arrays))
    names = [f"c{number}" for number in range(len(arrays))]
    batch = pa.RecordBatch.from_arrays([array[:size] for array in arrays], names)
    contract = a_contract(columns, on_mismatch=on_mismatch, on_new_column=on_new_column)
    decoded = TypedDecoder(contract, 64).decode(batch)
    decoded.columns.validate(full=True)
    assert len(decoded.columns) == len(decoded.verdicts) == len(decoded.nodes) == len(decoded.rescued) == size
    assert all(verdict < len(REASONS) for verdict in decoded.verdicts)
    for text in decoded.rescued.drop_null().to_pylist():
        assert strict(text)
    for text in copies(batch, np.arange(size)[::-1]).to_pylist():
        assert isinstance(strict(text), dict)
        assert b"\n" not in text
