"""The hash of pushed rows: of what they hold, not of how they come."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from serving.push.contents import Contents

KINDS: list[tuple[pa.DataType, Any]] = [
    (pa.int64(), st.integers(-3, 3)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.sampled_from(["", "a", "ä", "a" * 20])),
    (pa.string_view(), st.sampled_from(["", "a", "a" * 20])),
    (pa.binary(2), st.sampled_from([b"ab", b"\0\0"])),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["", "a"])),
    (pa.list_(pa.int64()), st.lists(st.none() | st.integers(0, 2), max_size=3)),
    (pa.list_(pa.int8(), 2), st.lists(st.integers(0, 2), min_size=2, max_size=2)),
    (pa.struct([("x", pa.string())]), st.fixed_dictionaries({"x": st.none() | st.sampled_from(["", "b"])})),
    (
        pa.map_(pa.string(), pa.int64()),
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1)), max_size=2),
    ),
    (pa.null(), st.none()),
]


def _hash(table: pa.Table, chunk: int | None = None) -> str:
    contents = Contents(table.schema)
    for batch in table.to_batches(chunk):
        contents.add(batch)
    return contents.hexdigest()


@given(st.data())
def test_hash_is_that_of_the_rows(data: st.DataObject) -> None:
    kind, values = data.draw(st.sampled_from(KINDS))
    some = st.lists(st.none() | values, max_size=12)
    first, other = data.draw(some), data.draw(some)
    tables = [pa.table({"c": pa.array(one, kind)}) for one in (first, other)]
    assert _hash(tables[0], data.draw(st.integers(1, 12))) == _hash(tables[0])
    assert (_hash(tables[0]) == _hash(tables[1])) == tables[0].equals(tables[1])
    padded = pa.table({"c": pa.array([None, *first, None], kind)})
    assert _hash(padded.slice(1, len(first))) == _hash(tables[0])


@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS], ids=str)
def test_hash_takes_nothing_and_nulls_alone(kind: pa.DataType) -> None:
    hashes = {_hash(pa.table({"c": pa.nulls(count).cast(kind)})) for count in range(3)}
    assert len(hashes) == 3


def test_hash_tells_what_looks_alike_apart() -> None:
    tables = [
        pa.table({"a": [1, 2], "b": [3, 4]}),
        pa.table({"a": [2, 1], "b": [3, 4]}),
        pa.table({"b": [1, 2], "a": [3, 4]}),
        pa.table({"a": [1, 2], "b": pa.array([3, 4], pa.int32())}),
        pa.table({"a": [1.0, 2.0], "b": [3, 4]}),
        pa.table({"a": ["ab", "c"]}),
        pa.table({"a": ["a", "bc"]}),
        pa.table({"a": [["a", "b"], []]}),
        pa.table({"a": [["a"], ["b"]]}),
        pa.table({"a": ["", None]}),
        pa.table({"a": [None, ""]}),
    ]
    assert len({_hash(table) for table in tables}) == len(tables)


def test_hash_leaves_out_what_lies_under_nulls() -> None:
    valid = pa.py_buffer(b"\x01")
    hashes = {
        _hash(pa.table({"c": pa.Array.from_buffers(pa.int8(), 2, [valid, pa.py_buffer(bytes([7, hidden]))])}))
        for hidden in range(3)
    }
    assert len(hashes) == 1
