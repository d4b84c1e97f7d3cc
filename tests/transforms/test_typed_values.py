"""Each Arrow type under each column type: what it takes, exactly, and what it refuses, with the reason."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.typed_decoding import decode, value, values
from transforms.decode.typed.copies import copies

BERLIN = {"type": "timestamp[us, UTC]", "assume_zone": "Europe/Berlin"}
EPOCH = {"type": "timestamp[ms, UTC]", "epoch": "s"}
NAIVE = datetime(2021, 7, 21, 6, 30)  # noqa: DTZ001 (no zone is the point)
MOMENT = NAIVE.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "of", "arrow", "expected"),
    [
        ("int64", 5, pa.int8(), 5),
        ("int64", 2**32 - 1, pa.uint32(), 2**32 - 1),
        ("int8", -128, pa.int64(), -128),
        ("uint64", 2**63 - 1, pa.int64(), 2**63 - 1),
        ("int64", 2**63 - 1, pa.uint64(), 2**63 - 1),
        ("uint64", 2**64 - 1, pa.uint64(), 2**64 - 1),
        ("int64", -(2.0**63), pa.float64(), -(2**63)),
        ("int64", 2.0**63 - 1024, pa.float64(), 2**63 - 1024),
        ("uint64", 2.0**64 - 2048, pa.float64(), 2**64 - 2048),
        ("int8", -0.0, pa.float64(), 0),
        ("int32", 16777216.0, pa.float32(), 2**24),
        ("int32", np.float16(7), pa.float16(), 7),
        ("int64", Decimal("5.00"), pa.decimal128(10, 2), 5),
        ("int64", Decimal(2**63 - 1), pa.decimal256(76, 0), 2**63 - 1),
        ("int64", Decimal("1.2E+4"), pa.decimal128(5, -3), 12000),
        ("int64", Decimal("7"), pa.decimal32(5, 2), 7),
        ("float64", 2**53, pa.int64(), 2.0**53),
        ("float64", 2**62, pa.int64(), 2.0**62),
        ("float64", 2**63, pa.uint64(), 2.0**63),
        ("float64", -(2**63), pa.int64(), -(2.0**63)),
        ("float32", 2**24, pa.int32(), 2.0**24),
        ("float32", 2**30, pa.int32(), 2.0**30),
        ("float64", 0.1, pa.float32(), float(np.float32(0.1))),
        ("float64", 5e-324, pa.float64(), 5e-324),
        ("float32", 0.5, pa.float64(), 0.5),
        ("float32", 2.0**-149, pa.float64(), 2.0**-149),
        ("float64", np.float16(1.5), pa.float16(), 1.5),
        ("float64", Decimal("0.25"), pa.decimal128(10, 4), 0.25),
        ("float64", Decimal(2**90), pa.decimal128(38, 0), 2.0**90),
        ("float32", Decimal("-1.5"), pa.decimal64(10, 2), -1.5),
        ("decimal(10,2)", 12345678, pa.int32(), Decimal("12345678.00")),
        ("decimal(38,0)", 2**63 - 1, pa.int64(), Decimal(2**63 - 1)),
        ("decimal(3,1)", 12, pa.int64(), Decimal("12.0")),
        ("decimal(20,0)", 2**64 - 1, pa.uint64(), Decimal(2**64 - 1)),
        ("decimal(10,2)", Decimal("1.5"), pa.decimal128(5, 1), Decimal("1.50")),
        ("decimal(5,1)", Decimal("1.50"), pa.decimal128(20, 2), Decimal("1.5")),
        ("decimal(38,38)", Decimal("0." + "9" * 38), pa.decimal256(76, 38), Decimal("0." + "9" * 38)),
        ("decimal(10,0)", Decimal("12E+3"), pa.decimal128(4, -3), Decimal(12000)),
        ("decimal(10,3)", 0.125, pa.float64(), Decimal("0.125")),
        ("decimal(10,2)", -1e7, pa.float64(), Decimal("-10000000.00")),
        ("decimal(38,0)", 2.0**126, pa.float64(), Decimal(2**126)),
        ("decimal(38,38)", 2.0**-38, pa.float64(), Decimal(5**38).scaleb(-38)),
        ("decimal(38,19)", 3.5, pa.float32(), Decimal("3.5000000000000000000")),
        ("string", "é😀\0", pa.string(), "é😀\0"),
        ("string", "a text of some length", pa.large_string(), "a text of some length"),
        ("string", "a text of some length", pa.string_view(), "a text of some length"),
        ("string", "", pa.string(), ""),
        ("bool", True, pa.bool_(), True),
        ("binary", b"\0\xff", pa.binary(), b"\0\xff"),
        ("binary", b"sixteen bytes and more", pa.large_binary(), b"sixteen bytes and more"),
        ("binary", b"sixteen bytes and more", pa.binary_view(), b"sixteen bytes and more"),
        ("binary", b"ab", pa.binary(2), b"ab"),
        ("dictionary", "a", pa.string(), "a"),
        ("dictionary", "a", pa.string_view(), "a"),
        ("date", date(1, 1, 1), pa.date32(), date(1, 1, 1)),
        ("date", date(9999, 12, 31), pa.date64(), date(9999, 12, 31)),
        ("date", "2024-02-29", pa.string(), date(2024, 2, 29)),
        ("date", "2024-02-29", pa.string_view(), date(2024, 2, 29)),
        ("time", time(23, 59, 59), pa.time32("s"), time(23, 59, 59)),
        ("time", time(0, 0, 0, 1000), pa.time32("ms"), time(0, 0, 0, 1000)),
        ("time", time(1, 2, 3, 4), pa.time64("us"), time(1, 2, 3, 4)),
        ("time", 1000, pa.time64("ns"), time(0, 0, 0, 1)),
        ("time", "01:02:03.5", pa.string(), time(1, 2, 3, 500000)),
        ("timestamp[us]", NAIVE, pa.timestamp("s"), NAIVE),
        ("timestamp[s]", NAIVE, pa.timestamp("us"), NAIVE),
        ("timestamp[s]", -1_000_000_000, pa.timestamp("ns"), datetime(1969, 12, 31, 23, 59, 59)),  # noqa: DTZ001
        ("timestamp[us]", date(2021, 7, 21), pa.date32(), datetime(2021, 7, 21)),  # noqa: DTZ001
        ("timestamp[ms]", date(1, 1, 1), pa.date64(), datetime(1, 1, 1)),  # noqa: DTZ001
        ("timestamp[us, UTC]", MOMENT, pa.timestamp("ms", "UTC"), MOMENT),
        ("timestamp[us, UTC]", MOMENT, pa.timestamp("ns", "America/New_York"), MOMENT),
        ("timestamp[us, UTC]", MOMENT, pa.timestamp("ms", "+02:00"), MOMENT),
        ("timestamp[us, Europe/Berlin]", MOMENT, pa.timestamp("us", "UTC"), MOMENT),
        ("timestamp[us, UTC]", "2021-07-21T08:30:00+02:00", pa.string(), MOMENT),
        (BERLIN, NAIVE, pa.timestamp("ns"), datetime(2021, 7, 21, 4, 30, tzinfo=UTC)),
        (BERLIN, date(2021, 7, 21), pa.date32(), datetime(2021, 7, 20, 22, tzinfo=UTC)),
        (BERLIN, "2021-07-21T06:30:00", pa.large_string(), datetime(2021, 7, 21, 4, 30, tzinfo=UTC)),
        (BERLIN, MOMENT, pa.timestamp("us", "UTC"), MOMENT),
        (EPOCH, -1, pa.int64(), datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (EPOCH, 7, pa.uint8(), datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC)),
        (EPOCH, 1.5, pa.float64(), datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC)),
        (
            EPOCH | {"epoch": "us"},
            np.float16(2000),
            pa.float16(),
            datetime(1970, 1, 1, 0, 0, 0, 2000, tzinfo=UTC),
        ),
        (EPOCH, Decimal("0.001"), pa.decimal128(10, 3), datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)),
        (["int8"], [1, None, 3], pa.list_(pa.int64()), [1, None, 3]),
        (["int8"], [1, 2], pa.large_list(pa.int64()), [1, 2]),
        (["int8"], [1, 2], pa.list_(pa.int64(), 2), [1, 2]),
        (["int8"], [1, 2], pa.list_view(pa.int64()), [1, 2]),
        (["int8"], [1, 2], pa.large_list_view(pa.int64()), [1, 2]),
        (["string"], [], pa.list_(pa.null()), []),
        (
            [{"key": "string", "value": "int8"}],
            [("a", 1)],
            pa.map_(pa.string(), pa.int64()),
            [{"key": "a", "value": 1}],
        ),
        (
            {"a": "int8", "b": "string"},
            {"b": "x", "a": 1},
            pa.struct({"b": pa.string(), "a": pa.int64()}),
            {"a": 1, "b": "x"},
        ),
        ({"a": "int8"}, {}, pa.struct([]), {"a": None}),
    ],
)
def test_decode_fitting_value_keeps_it(kind: Any, of: Any, arrow: pa.DataType, expected: Any) -> None:
    assert value(kind, of, arrow) == expected


@pytest.mark.parametrize(
    ("kind", "of", "arrow", "reason"),
    [
        ("int8", 128, pa.int64(), "out_of_range"),
        ("uint8", -1, pa.int8(), "out_of_range"),
        ("int64", 2**63, pa.uint64(), "out_of_range"),
        ("uint64", -1, pa.int64(), "out_of_range"),
        ("int64", 1.5, pa.float64(), "type_mismatch"),
        ("int64", 5e-324, pa.float64(), "type_mismatch"),
        ("int64", 2.0**63, pa.float64(), "out_of_range"),
        ("uint64", 2.0**64, pa.float64(), "out_of_range"),
        ("uint8", -1.0, pa.float32(), "out_of_range"),
        ("int64", math.nan, pa.float64(), "out_of_range"),
        ("int64", -math.inf, pa.float64(), "out_of_range"),
        ("int64", Decimal("1.5"), pa.decimal128(10, 2), "type_mismatch"),
        ("int64", Decimal(2**63), pa.decimal256(50, 0), "out_of_range"),
        ("int64", "1", pa.string(), "type_mismatch"),
        ("int64", True, pa.bool_(), "type_mismatch"),
        ("int64", b"1", pa.binary(), "type_mismatch"),
        ("int64", MOMENT, pa.timestamp("us", "UTC"), "type_mismatch"),
        ("int64", timedelta(1), pa.duration("us"), "type_mismatch"),
        ("float64", 2**53 + 1, pa.int64(), "precision_loss"),
        ("float64", 2**63 - 1, pa.int64(), "precision_loss"),
        ("float64", 2**64 - 1, pa.uint64(), "precision_loss"),
        ("float32", 2**24 + 1, pa.int32(), "precision_loss"),
        ("float32", 2**31 - 1, pa.int32(), "precision_loss"),
        ("float32", 0.1, pa.float64(), "precision_loss"),
        ("float32", 1e-50, pa.float64(), "precision_loss"),
        ("float32", 1e39, pa.float64(), "out_of_range"),
        ("float64", math.nan, pa.float64(), "out_of_range"),
        ("float32", math.inf, pa.float16(), "out_of_range"),
        ("float64", Decimal("0.1"), pa.decimal128(10, 2), "precision_loss"),
        ("float64", Decimal(2**90 + 1), pa.decimal128(38, 0), "precision_loss"),
        ("float64", "1", pa.string(), "type_mismatch"),
        ("decimal(3,2)", 10, pa.int64(), "out_of_range"),
        ("decimal(3,2)", Decimal("10.00"), pa.decimal128(5, 2), "out_of_range"),
        ("decimal(5,1)", Decimal("1.55"), pa.decimal128(5, 2), "precision_loss"),
        ("decimal(38,0)", Decimal(10**38), pa.decimal256(76, 0), "out_of_range"),
        ("decimal(10,2)", 0.1, pa.float64(), "precision_loss"),
        ("decimal(10,2)", 0.125, pa.float64(), "precision_loss"),
        ("decimal(10,2)", 1e9, pa.float64(), "out_of_range"),
        ("decimal(38,0)", 1e39, pa.float64(), "out_of_range"),
        ("decimal(38,38)", 2.0**-39, pa.float64(), "precision_loss"),
        ("decimal(10,2)", math.nan, pa.float64(), "out_of_range"),
        ("decimal(10,2)", "1", pa.string(), "type_mismatch"),
        ("string", 1, pa.int64(), "type_mismatch"),
        ("string", b"a", pa.binary(), "type_mismatch"),
        ("string", date(2024, 1, 1), pa.date32(), "type_mismatch"),
        ("dictionary", 1, pa.int64(), "type_mismatch"),
        ("bool", 1, pa.int8(), "type_mismatch"),
        ("bool", "true", pa.string(), "type_mismatch"),
        ("binary", "YQ==", pa.string(), "type_mismatch"),
        ("date", 2_932_897, pa.date32(), "out_of_range"),
        ("date", -719_163, pa.date32(), "out_of_range"),
        ("date", "2024-02-30", pa.string(), "unparsable"),
        ("date", NAIVE, pa.timestamp("us"), "type_mismatch"),
        ("date", 1, pa.int32(), "type_mismatch"),
        ("time", 1, pa.time64("ns"), "precision_loss"),
        ("time", "24:00:00", pa.string(), "unparsable"),
        ("time", 1, pa.int64(), "type_mismatch"),
        ("timestamp[us]", 1, pa.timestamp("ns"), "precision_loss"),
        ("timestamp[us]", 253_402_300_800, pa.timestamp("s"), "out_of_range"),
        ("timestamp[us]", 2**63 - 1, pa.timestamp("s"), "out_of_range"),
        ("timestamp[us]", -62_135_596_801, pa.timestamp("s"), "out_of_range"),
        ("timestamp[us]", 2**31 - 1, pa.date32(), "out_of_range"),
        ("timestamp[us]", 2**63 - 1, pa.timestamp("us"), "out_of_range"),
        ("timestamp[us]", MOMENT, pa.timestamp("us", "UTC"), "type_mismatch"),
        ("timestamp[us, UTC]", NAIVE, pa.timestamp("us"), "type_mismatch"),
        ("timestamp[us, UTC]", date(2024, 1, 1), pa.date32(), "type_mismatch"),
        ("timestamp[us, UTC]", 1, pa.int64(), "type_mismatch"),
        ("timestamp[us, UTC]", "2021-07-21T06:00:00", pa.string(), "unparsable"),
        (BERLIN, datetime(2024, 3, 31, 2, 30), pa.timestamp("us"), "unparsable"),  # noqa: DTZ001
        (BERLIN, datetime(2024, 10, 27, 2, 30), pa.timestamp("us"), "unparsable"),  # noqa: DTZ001
        (BERLIN, date(1, 1, 1), pa.date32(), "out_of_range"),
        (EPOCH, 2**63 - 1, pa.int64(), "out_of_range"),
        (EPOCH, 2**64 - 1, pa.uint64(), "out_of_range"),
        (EPOCH, 0.1, pa.float64(), "precision_loss"),
        (EPOCH, 0.00048828125, pa.float64(), "precision_loss"),
        (EPOCH, 1e300, pa.float64(), "out_of_range"),
        (EPOCH, math.nan, pa.float64(), "out_of_range"),
        (EPOCH, True, pa.bool_(), "type_mismatch"),
        (["int8"], 1, pa.int8(), "type_mismatch"),
        (["int8"], {"a": 1}, pa.struct({"a": pa.int8()}), "type_mismatch"),
        (["int8"], [1, 200], pa.list_(pa.int64()), "out_of_range"),
        (["int8!"], [1, None], pa.list_(pa.int8()), "missing_required"),
        ({"a": "int8"}, [1], pa.list_(pa.int8()), "type_mismatch"),
        ({"a": "int8"}, [("a", 1)], pa.map_(pa.string(), pa.int8()), "type_mismatch"),
        ({"a": "int8"}, {"a": 200}, pa.struct({"a": pa.int64()}), "out_of_range"),
        ({"a": "int8!"}, {"A": 1}, pa.struct({"A": pa.int8()}), "missing_required"),
        ("json", math.nan, pa.float64(), "out_of_range"),
        ("json", [1.0, math.inf], pa.list_(pa.float32()), "out_of_range"),
        ("json", {"a": 2**62}, pa.struct({"a": pa.timestamp("s")}), "out_of_range"),
    ],
)
def test_decode_value_that_storing_would_change_is_refused(
    kind: Any, of: Any, arrow: pa.DataType, reason: str
) -> None:
    assert value(kind, of, arrow) == f"<{reason}>"


def test_decode_time_beyond_the_day_is_out_of_range() -> None:
    array = pa.array([86_400, -1, 86_399], pa.int32()).view(pa.time32("s"))
    assert values("time", array) == ["<out_of_range>", "<out_of_range>", time(23, 59, 59)]


def test_decode_long_date_with_a_time_of_day_loses_it_so_is_refused() -> None:
    array = pa.array([1, 86_400_000, -86_400_001], pa.int64()).view(pa.date64())
    assert values("date", array) == ["<precision_loss>", date(1970, 1, 2), "<precision_loss>"]
    assert values("timestamp[ms]", array)[0] == datetime(1970, 1, 1, 0, 0, 0, 1000)  # noqa: DTZ001


def test_decode_minus_zero_keeps_its_sign() -> None:
    for arrow in (pa.float16(), pa.float32(), pa.float64()):
        assert math.copysign(1, value("float64", np.float16(-0.0), arrow)) == -1
    assert math.copysign(1, value("float32", -0.0, pa.float64())) == -1


def test_decode_uuid_gives_its_canonical_text() -> None:
    of = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    array = pa.array([None, of.bytes, of.bytes, None], pa.uuid())[1:]
    assert values("string", array) == [str(of), str(of), None]
    assert values("dictionary", array) == [str(of), str(of), None]
    assert values("json", array) == [f'"{of}"', f'"{of}"', None]
    assert values("binary", array) == [of.bytes, of.bytes, None]


def test_decode_encoded_columns_are_read_as_their_values() -> None:
    words = pa.array(["a long word of its own", None, "b"])
    codes = pa.array([None, 2, 0, 1, 0, None], pa.int8())
    encoded = pa.DictionaryArray.from_arrays(codes, words)[1:]
    expected = ["b", words[0].as_py(), None, words[0].as_py(), None]
    assert values("string", encoded) == expected
    assert values("dictionary", encoded) == expected
    numbers = pa.DictionaryArray.from_arrays(codes, pa.array([1, 300, -5]))[1:]
    assert values("int8", numbers) == [-5, 1, "<out_of_range>", 1, None]
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 6], pa.int32()), words)[1:5]
    assert values("string", runs) == [words[0].as_py(), None, "b", "b"]
    structs = pa.DictionaryArray.from_arrays(codes, pa.array([{"a": 1}, {"a": 2}, None]))[1:]
    assert values({"a": "int8"}, structs) == [None, {"a": 1}, {"a": 2}, {"a": 1}, None]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            pa.array([{"a": "x"}, {"a": None}, None], pa.struct({"a": pa.string_view()})),
            ["{}", '{"a":"x"}', None],
        ),
        (pa.array([["x", "y"], ["z"], None], pa.list_(pa.string_view())), ['["z"]', '["x","y"]', None]),
        (pa.array([["x", "y"], ["z"], None], pa.list_view(pa.string())), ['["z"]', '["x","y"]', None]),
        (
            pa.array([[("k", "v")], [], None], pa.map_(pa.string(), pa.string_view())),
            ["{}", '{"k":"v"}', None],
        ),
        (pa.array([{}, {}, None], pa.struct([])), ["{}", "{}", None]),
        (pa.array(["[1]", "2", None], pa.json_()), ["2", "[1]", None]),
    ],
)
def test_decode_encoded_columns_of_nested_values_are_put_together(
    words: pa.Array, expected: list[str | None]
) -> None:
    one, zero, two = expected
    encoded = pa.DictionaryArray.from_arrays(pa.array([1, None, 0, 1, 2], pa.int8()), words)
    assert values("json", encoded) == [one, None, zero, one, two]
    assert values("json", encoded[2:]) == [zero, one, two]
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([1, 3, 4], pa.int32()), words)
    assert values("json", runs[1:]) == [one, one, two]


def test_decode_encoded_uuids_keep_their_text() -> None:
    of = [uuid.UUID(int=number) for number in (1, 2)]
    words = pa.array([one.bytes for one in of], pa.uuid())
    encoded = pa.DictionaryArray.from_arrays(pa.array([1, None, 0]), words)
    assert values("string", encoded) == [str(of[1]), None, str(of[0])]


def test_decode_dictionary_codes_are_kept_where_words_are_distinct() -> None:
    encoded = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int32()), pa.array(["x", "y"]))
    assert values("dictionary", encoded) == ["y", "x", None]
    twice = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int32()), pa.array(["x", "x"]))
    assert values("dictionary", twice) == ["x", "x", None]


def test_decode_list_views_out_of_order_keep_their_elements() -> None:
    views = pa.ListViewArray.from_arrays(
        pa.array([2, 0, 1], pa.int32()), pa.array([1, 1, 2], pa.int32()), pa.array([1, 2, 3])
    )
    assert values(["int8"], views) == [[3], [1], [2, 3]]
    assert values(["int8"], views[1:]) == [[1], [2, 3]]
    assert values("json", views) == ["[3]", "[1]", "[2,3]"]


def test_decode_null_columns_are_null_in_every_type() -> None:
    for kind in (
        "int8",
        "float32",
        "decimal(5,2)",
        "string",
        "json",
        "date",
        "time",
        "binary",
        "dictionary",
        ["int8"],
        {"a": "int8!"},
    ):
        assert values(kind, pa.nulls(2)) == [None, None]


def test_decode_empty_batches_have_no_rows() -> None:
    for arrow in (
        pa.int64(),
        pa.string(),
        pa.list_(pa.struct({"a": pa.string()})),
        pa.null(),
        pa.decimal128(5, 2),
        pa.json_(),
        pa.uuid(),
        pa.map_(pa.string(), pa.int8()),
        pa.dictionary(pa.int8(), pa.string()),
    ):
        for kind in (
            "int8",
            "float32",
            "decimal(5,2)",
            "string",
            "json",
            "date",
            "time",
            "timestamp[us]",
            "binary",
            "dictionary",
            ["int8"],
            {"a": "int8!"},
        ):
            assert values(kind, pa.array([], arrow)) == []


def test_decode_union_is_no_type_of_a_column_but_has_a_text() -> None:
    codes, places = pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32())
    dense = pa.UnionArray.from_dense(codes, places, [pa.array([1, None]), pa.array(["a"])])
    sparse = pa.UnionArray.from_sparse(codes, [pa.array([1, 2, None]), pa.array([None, "a", None])])
    for array in (dense, sparse):
        assert values("json", array) == ["1", '"a"', None]
        assert values("int64", array)[:2] == ["<type_mismatch>"] * 2
        assert values("json", array[1:]) == ['"a"', None]


@pytest.mark.parametrize("kind", ["string", "dictionary", "json", "date", "int8"])
def test_decode_a_long_word_used_often_is_not_repeated_in_memory(kind: str) -> None:
    words, uses = pa.array(["x" * 2**20, "2024-01-01"]), 3_000  # 3 GB, written out
    codes = np.zeros(uses, np.int8)
    codes[1] = 1
    encoded = pa.DictionaryArray.from_arrays(pa.array(codes), words)
    columns = decode({"value": kind}, {"value": encoded}, on_new_column="ignore").columns
    assert columns.nbytes < 2**22
    batch = pa.RecordBatch.from_arrays([encoded, encoded.slice(0)], ["a", "b"])
    assert copies(batch, np.array([1])).to_pylist() == [b'{"a":"2024-01-01","b":"2024-01-01"}']


def test_decode_few_words_of_a_large_dictionary_are_all_that_is_judged() -> None:
    words = pa.array([f"{year}-01-01" for year in range(1900, 2000)] + ["bad"])
    encoded = pa.DictionaryArray.from_arrays(pa.array([7, None, 100, 7]), words)
    assert values("date", encoded) == [date(1907, 1, 1), None, "<unparsable>", date(1907, 1, 1)]
    assert values("date", encoded[3:]) == [date(1907, 1, 1)]
