"""What copies of rows would take is told without making them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.test_typed_fuzz import ARRAYS
from transforms.decode.typed.copies import copies
from transforms.decode.typed.copy_sizes import copy_sizes, parts

WORD = "x" * 1000
LONG = pa.array([WORD, None, "y"])


@settings(deadline=None)
@given(ARRAYS)
def test_copy_sizes_of_any_array_are_about_those_of_its_copies(array: pa.Array) -> None:
    batch = pa.RecordBatch.from_arrays([array], ["a"])
    sizes = copy_sizes(batch)
    lengths = np.array([len(text) for text in copies(batch, np.arange(len(array))).to_pylist()])
    assert len(sizes) == len(lengths)
    assert (sizes <= 4 * lengths).all()
    assert (lengths <= 40 * sizes).all()


@pytest.mark.parametrize(
    "array",
    [
        LONG,
        LONG.cast(pa.string_view()),
        LONG.cast(pa.binary()),
        LONG.dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.int8()), pa.array([WORD, "y"])),
        pa.array([[WORD], [None], ["y"]]),
        pa.array([{"b": WORD}, None, {"b": "y"}]),
        pa.array([[(WORD, 1)], [], [("y", 2)]], pa.map_(pa.string(), pa.int8())),
        pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3]), LONG),
        pa.UnionArray.from_sparse(pa.array([0, 0, 0], pa.int8()), [LONG]),
    ],
)
def test_copy_sizes_count_a_text_for_each_row_that_has_it(array: pa.Array) -> None:
    long, nothing, short = copy_sizes(pa.RecordBatch.from_arrays([array], ["a"]))
    assert 1000 < long < 1050
    assert nothing < 20
    assert short < 40


@given(st.lists(st.integers(0, 100)), st.integers(1, 150))
def test_parts_are_neighbours_of_the_size_that_is_asked_for(sizes: list[int], part_bytes: int) -> None:
    found = list(parts(np.array(sizes, np.int64), part_bytes))
    assert [row for first, count in found for row in range(first, first + count)] == [*range(len(sizes))]
    assert all(count == 1 or sum(sizes[first : first + count]) <= part_bytes for first, count in found)
