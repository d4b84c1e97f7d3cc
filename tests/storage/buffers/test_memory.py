"""What Arrow data takes, by buffer: known sizes, and what must hold for all data."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings

from storage.buffers.memory import memory
from storage.buffers.spans import Seen, Spans

LONG = "a text of more than twelve bytes"
UNION_IDS = pa.array([0, 1, 0], pa.int8())


def dense() -> Any:
    offsets = pa.array([0, 0, 1], pa.int32())
    return pa.UnionArray.from_dense(UNION_IDS, offsets, [pa.array([1, 2]), pa.array(["x"])])


def sparse() -> Any:
    return pa.UnionArray.from_sparse(UNION_IDS, [pa.array([1, 2, 3]), pa.array(["x", "y", "z"])])


KNOWN: list[tuple[Any, dict[str, dict[str, int]]]] = [
    (pa.array([True, None, False]), {"": {"validity": 1, "values": 1}}),
    (pa.array([1, 2, None], pa.int32()), {"": {"validity": 1, "values": 12}}),
    (pa.array([b"abc", None], pa.binary(3)), {"": {"validity": 1, "values": 6}}),
    (pa.array(["ab", "c", None]), {"": {"validity": 1, "offsets": 16, "data": 3}}),
    (pa.array(["ab", "c"], pa.large_string()), {"": {"validity": 0, "offsets": 24, "data": 3}}),
    (pa.array(["ab", LONG], pa.string_view()), {"": {"validity": 0, "views": 32, "variadic": 32}}),
    (pa.array([b"ab", None], pa.binary_view()), {"": {"validity": 1, "views": 32, "variadic": 0}}),
    (
        pa.array([[1, 2], None, [3]], pa.list_(pa.int16())),
        {"": {"validity": 1, "offsets": 16}, "item": {"validity": 0, "values": 6}},
    ),
    (
        pa.array([[1, 2], [3]], pa.large_list(pa.int16())),
        {"": {"validity": 0, "offsets": 24}, "item": {"validity": 0, "values": 6}},
    ),
    (
        pa.array([[1, 2], [3, 4]], pa.list_(pa.int16(), 2)),
        {"": {"validity": 0}, "item": {"validity": 0, "values": 8}},
    ),
    (
        pa.array([[1, 2], [3]], pa.list_view(pa.int16())),
        {"": {"validity": 0, "offsets": 8, "sizes": 8}, "item": {"validity": 0, "values": 6}},
    ),
    (
        pa.array([[1, 2], [3]], pa.large_list_view(pa.int16())),
        {"": {"validity": 0, "offsets": 16, "sizes": 16}, "item": {"validity": 0, "values": 6}},
    ),
    (
        pa.array([{"a": 1}, None], pa.struct([pa.field("a", pa.int8())])),
        {"": {"validity": 1}, "a": {"validity": 0, "values": 2}},
    ),
    (
        pa.array([[("k", 1)], [("l", None)]], pa.map_(pa.string(), pa.int8())),
        {
            "": {"validity": 0, "offsets": 12},
            "entries": {"validity": 0},
            "entries.key": {"validity": 0, "offsets": 12, "data": 2},
            "entries.value": {"validity": 1, "values": 2},
        },
    ),
    (
        pa.array(["ab", "c", "ab"]).dictionary_encode(),
        {"": {"validity": 0, "indices": 12}, "dictionary": {"validity": 0, "offsets": 12, "data": 3}},
    ),
    (
        pc.run_end_encode(pa.array([7, 7, 7, None])),
        {"": {}, "run_ends": {"validity": 0, "values": 8}, "values": {"validity": 1, "values": 16}},
    ),
    (
        dense(),
        {
            "": {"type ids": 3, "offsets": 12},
            "0": {"validity": 0, "values": 16},
            "1": {"validity": 0, "offsets": 8, "data": 1},
        },
    ),
    (
        sparse(),
        {
            "": {"type ids": 3},
            "0": {"validity": 0, "values": 24},
            "1": {"validity": 0, "offsets": 16, "data": 3},
        },
    ),
    (pa.nulls(5), {"": {}}),
    (pa.array([], pa.int64()), {"": {"validity": 0, "values": 0}}),
]


@pytest.mark.parametrize(("array", "expected"), KNOWN, ids=lambda one: str(getattr(one, "type", "")))
def test_memory_of_each_type_is_broken_down_by_buffer(array: Any, expected: Any) -> None:
    (column,) = memory(array).columns

    found = {path: {one.kind: one.used for one in part.buffers} for path, part in column.walk()}

    assert found == expected
    assert column.used == array.get_total_buffer_size()


def test_memory_of_ten_million_numbers_is_that_of_values_and_validity() -> None:
    numbers = np.arange(10_000_000)
    array = pa.array(numbers, mask=numbers % 100 == 0)

    (column,) = memory(array).columns

    assert [(one.kind, one.used, one.held) for one in column.buffers] == [
        ("validity", 1_250_000, 1_250_000),
        ("values", 80_000_000, 80_000_000),
    ]
    assert (column.rows, column.nulls) == (10_000_000, 100_000)


def test_memory_of_a_slice_tells_what_is_in_use_and_what_is_held() -> None:
    found = memory(pa.array([1, None] * 500).slice(13, 100))

    assert (found.used, found.held) == (14 + 800, 125 + 8000)


def test_memory_of_a_view_slice_leaves_out_the_texts_of_others() -> None:
    found = memory(pa.array([LONG, "ab", LONG], pa.string_view()).slice(1, 1))

    assert (found.used, found.held) == (16, 48 + 64)


def test_memory_of_a_dictionary_that_chunks_share_is_counted_once() -> None:
    codes = pa.array(["ab", "c", "ab"]).dictionary_encode()

    found = memory(pa.table({"a": pa.chunked_array([codes.slice(0, 2), codes.slice(2)]), "b": codes}))

    assert found.used == found.held == memory(codes).used


def test_memory_of_an_extension_is_that_of_its_storage() -> None:
    assert memory(pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"x" * 16], pa.binary(16)))).used == 16


def test_memory_of_a_column_without_chunks_has_its_buffers() -> None:
    (column,) = memory(pa.table({"a": pa.chunked_array([], pa.string())})).columns

    assert [one.kind for one in column.buffers] == ["validity", "offsets", "data"]


def test_memory_of_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="not list"):
        memory([1])


TYPES = [
    pa.int64(),
    pa.bool_(),
    pa.string(),
    pa.large_binary(),
    pa.string_view(),
    pa.list_(pa.string()),
    pa.large_list(pa.bool_()),
    pa.list_view(pa.int16()),
    pa.list_(pa.float32(), 2),
    pa.struct([("a", pa.int8()), ("b", pa.list_(pa.struct([("c", pa.string())])))]),
    pa.map_(pa.string(), pa.list_(pa.int64())),
    pa.dictionary(pa.int8(), pa.string()),
]


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({one.name: value_of(one.type) for one in kind})
    if pa.types.is_map(kind):
        return st.none() | st.lists(st.tuples(st.text(max_size=3), value_of(kind.item_type)), max_size=3)
    if pa.types.is_fixed_size_list(kind):
        return st.none() | st.lists(value_of(kind.value_type), min_size=2, max_size=2)
    if pa.types.is_nested(kind) and not pa.types.is_dictionary(kind):
        return st.none() | st.lists(value_of(kind.value_type), max_size=3)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return st.none() | st.integers(-9, 9)
    if pa.types.is_boolean(kind):
        return st.none() | st.booleans()
    text = st.text(max_size=20)
    return st.none() | (text.map(str.encode) if pa.types.is_large_binary(kind) else text)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from(TYPES))
    return pa.array(draw(st.lists(value_of(kind), min_size=1, max_size=30)), kind)


@given(arrays())
def test_memory_of_whole_arrays_is_what_their_buffers_hold(array: Any) -> None:
    found = memory(array)

    assert found.held == array.get_total_buffer_size()
    assert found.used == found.held


@given(arrays(), st.lists(st.integers(0, 30), max_size=4))
def test_memory_of_all_slices_together_is_that_of_the_whole(array: Any, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(array)) for cut in cuts), len(array)]
    seen = Seen()

    parts = [memory(array.slice(first, last - first), seen) for first, last in pairwise(ends)]

    assert sum(one.used for one in parts) == memory(array).used


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))))
@settings(max_examples=200)
def test_spans_count_each_byte_once(pairs: list[tuple[int, int]]) -> None:
    spans, known = Spans(), set[int]()

    for start, end in pairs:
        here = set(range(start, end))
        assert spans.add(start, end) == len(here - known)
        known |= here
