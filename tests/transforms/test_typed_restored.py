"""Rows of typed files that come out of their copies again, under that contract and others."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.decoding import padded
from tests.transforms.test_typed_fuzz import ARRAYS, KINDS, LEAVES
from tests.transforms.typed_decoding import a_contract
from transforms.decode.decoder import Decoded
from transforms.decode.typed.copies import copies
from transforms.decode.typed.decoder import TypedDecoder
from transforms.decode.typed.restored import restored

NESTING = 64


def again(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[bool]]:
    """The rows of a batch out of their copies, and which of them are exact."""
    texts = copies(batch, np.arange(batch.num_rows)).to_pylist()
    offsets = np.cumsum([0, *(len(text) + 1 for text in texts)], dtype=np.int64)
    data = padded(b"".join(text + b"\n" for text in texts))
    pieces = list(restored(batch.schema, data, offsets, NESTING))
    for piece, _ in pieces:
        piece.validate(full=True)
    return (
        pa.RecordBatch.from_struct_array(pa.concat_arrays([piece.to_struct_array() for piece, _ in pieces])),
        [bool(exact) for _, some in pieces for exact in some],
    )


def outcome(decoded: Decoded, row: int) -> Any:
    """What becomes of one row; NaN is the same as itself."""
    verdict = int(decoded.verdicts[row])
    values = None if verdict else decoded.columns[row].as_py()
    return verdict, int(decoded.nodes[row]), repr(values), decoded.rescued[row].as_py()


def check(batch: pa.RecordBatch, contract: Any) -> list[bool]:
    """Rows that are restored fare as they did the first time."""
    decoder = TypedDecoder(contract, NESTING)
    back, exact = again(batch)
    before, after = decoder.decode(batch), decoder.decode(back)
    for row in np.flatnonzero(exact):
        assert outcome(after, int(row)) == outcome(before, int(row))
    return exact


@settings(max_examples=400, deadline=None)
@given(
    st.lists(ARRAYS, min_size=1, max_size=3).filter(lambda arrays: min(map(len, arrays)) > 0),
    st.dictionaries(st.sampled_from(["c0", "c1", "c3"]), KINDS, min_size=1),
    st.sampled_from(["quarantine", "rescue"]),
    st.sampled_from(["rescue", "ignore", "fail"]),
)
def test_restored_rows_of_any_types_fare_under_any_contract_as_those_of_the_file(
    arrays: list[pa.Array], columns: dict[str, Any], on_mismatch: str, on_new_column: str
) -> None:
    size = min(map(len, arrays))
    names = [f"c{number}" for number in range(len(arrays))]
    batch = pa.RecordBatch.from_arrays([array[:size] for array in arrays], names)
    check(batch, a_contract(columns, on_mismatch=on_mismatch, on_new_column=on_new_column))


@settings(max_examples=200, deadline=None)
@given(LEAVES.filter(len), st.sampled_from(["quarantine", "rescue"]), KINDS)
def test_restored_rows_that_were_refused_are_refused_again(
    array: pa.Array, on_mismatch: str, kind: Any
) -> None:
    batch = pa.RecordBatch.from_arrays([array], ["a"])
    decoder = TypedDecoder(a_contract({"a": kind}, on_mismatch=on_mismatch), NESTING)
    back, exact = again(batch)
    still = (decoder.decode(back).verdicts > 0) | ~np.array(exact)
    assert still[decoder.decode(batch).verdicts > 0].all()


UNION = pa.UnionArray.from_dense(
    pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([5]), pa.array([{"x": "y"}])]
)
SAID = [
    pa.array([True, None]),
    pa.array([2**64 - 1, 0], pa.uint64()),
    pa.array([-(2**63), 2**53 + 1]),
    pa.array([0.1, -0.0, 1e39, 5e-324, 2.0**60, float("nan"), float("inf"), float("-inf")]),
    pa.array([0.1, 3.4028234663852886e38, 1e-45], pa.float32()),
    pa.array([np.float16(0.1), np.float16(65504)], pa.float16()),
    pa.array([Decimal("-1.50"), Decimal("0E-9")], pa.decimal128(38, 9)),
    pa.array([Decimal("1E-40")], pa.decimal256(76, 50)),
    pa.array([Decimal("12E3")], pa.decimal128(5, -3)),
    pa.array(["", 'a"b\\c\n\x00\u2028é😀', None]),
    pa.array(["x", "y", "x"]).dictionary_encode(),
    pa.array([b"", b"\0\xff", None]),
    pa.array([b"abc"], pa.binary(3)),
    pa.array([b"0123456789abcdef", None], pa.uuid()),
    pa.array([date(1, 1, 1), date(9999, 12, 31)]),
    pa.array([0, 86_400_000]).view(pa.date64()),
    pa.array([86_399], pa.int32()).view(pa.time32("s")),
    pa.array([1], pa.int32()).view(pa.time32("ms")),
    pa.array([1]).view(pa.time64("us")),
    pa.array([86_399 * 10**9 + 1]).view(pa.time64("ns")),
    pa.array([-62_135_596_800, 253_402_300_799]).view(pa.timestamp("s")),
    pa.array([-1, 1]).view(pa.timestamp("ns")),
    pa.array([2**62]).view(pa.timestamp("ns", "Asia/Kolkata")),
    pa.array([[], [None], None, [{"x": None}, {"x": [1]}]]),
    pa.array([[1, 2]], pa.list_(pa.int8(), 2)),
    pa.array([{}, None], pa.struct([])),
    pa.array([{"": 1, "x.y": 2, 'q"\n': 3}]),
    pa.array([[("a", 1), ("b", None)], [], [("a", 1), ("a", 2)], None], pa.map_(pa.string(), pa.int8())),
    pa.array([[(1, 0.5)]], pa.map_(pa.int8(), pa.float64())),
    pa.array(['{"a": 1}', "null", '"x"', "x", " [1,\n2] ", "[1]", None], pa.json_()),
    pa.array([5], pa.duration("ms")),
    pa.array([pa.MonthDayNano([1, -2, 3])]),
    pa.nulls(2),
    UNION,
]


@pytest.mark.parametrize("array", SAID, ids=lambda array: str(array.type)[:40])
@pytest.mark.parametrize("around", [False, True])
def test_restored_values_of_these_types_are_exact(array: pa.Array, around: bool) -> None:
    if around:
        array = pa.StructArray.from_arrays([array], ["b"])
    contracts = [a_contract({"a": kind}, on_mismatch="rescue") for kind in ("json", "string", "dictionary")]
    for contract in [*contracts, a_contract({"z": "int8"}), a_contract({"a": {"b": "json"}})]:
        assert all(check(pa.RecordBatch.from_arrays([array], ["a"]), contract))


@pytest.mark.parametrize(
    "array",
    [
        pa.array([2**62]).view(pa.timestamp("s")),
        pa.array([-(2**31)], pa.int32()).view(pa.date32()),
        pa.array([-1]).view(pa.time64("us")),
        pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"]),
    ],
)
def test_restored_values_that_the_copy_cannot_tell_are_not_exact(array: pa.Array) -> None:
    assert again(pa.RecordBatch.from_arrays([array], ["a"]))[1] == [False]


def test_restored_rows_of_twins_are_not_exact_though_only_one_is_there() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([None], pa.int64())], ["a", "a"])
    assert again(batch)[1] == [False]


def test_restored_row_without_columns_is_exact() -> None:
    rows = pa.array([{}, {}], pa.struct([]))
    back, exact = again(pa.RecordBatch.from_struct_array(rows))
    assert (back.num_rows, exact) == (2, [True, True])


def test_restored_copies_that_were_changed_are_not_exact() -> None:
    data = padded(b'{"a":1.50}\n{"a":1.5}\n{"b":1}\n{"a":1.5\n')
    offsets = np.array([0, 11, 21, 29, 38])
    ((_, exact),) = restored(pa.schema([("a", pa.float64())]), data, offsets, NESTING)
    assert exact.tolist() == [False, True, False, False]


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_moments_beyond_the_years_of_arrow_are_refused_again(unit: str, zone: str | None) -> None:
    moments = pa.array([-34_904_576_592_001_000, 2**62, -(2**62)]).view(pa.timestamp(unit, zone))
    batch = pa.RecordBatch.from_arrays([moments], ["c0"])
    decoder = TypedDecoder(a_contract({"c0": "timestamp[us, UTC]" if zone else "timestamp[us]"}), NESTING)

    back, exact = again(batch)

    assert decoder.decode(batch).verdicts.all()
    assert not any(exact)
    assert back["c0"].null_count == len(batch)


def test_rescued_json_in_runs_keeps_its_text() -> None:
    texts = ["0\U000101e0\U00016499", "1]", "\u00e9-", ""]
    documents = pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3, 4], pa.int32()), documents)
    decoder = TypedDecoder(a_contract({"c0": "int8"}, on_mismatch="rescue"), NESTING)

    decoded = decoder.decode(pa.RecordBatch.from_arrays([runs], ["c0"]))

    assert [json.loads(one.as_py())["c0"] for one in decoded.rescued] == texts
