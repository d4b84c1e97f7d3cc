"""Each column type: what it takes, exactly, and what it refuses, with the reason."""

from __future__ import annotations

import base64
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.decoding import decoded, frame_of, reasons, rows

EPOCH_MS = {"type": "timestamp[us, UTC]", "epoch": "ms"}
EPOCH_NS = {"type": "timestamp[us, UTC]", "epoch": "ns"}
BERLIN = {"type": "timestamp[us, UTC]", "epoch": "s", "assume_zone": "Europe/Berlin"}
NEW_YORK = {"type": "timestamp[us, UTC]", "assume_zone": "America/New_York"}
BERLIN_S = {"type": "timestamp[s, UTC]", "assume_zone": "Europe/Berlin"}
TWELVE = b"twelve bytes"


def base64_of(value: bytes) -> bytes:
    return b'"' + base64.b64encode(value) + b'"'


@pytest.mark.parametrize(
    ("kind", "literal", "value"),
    [
        ("int64", b"0", 0),
        ("int64", b"-0", 0),
        ("int64", b"9223372036854775807", 2**63 - 1),
        ("int64", b"-9223372036854775808", -(2**63)),
        ("int64", b"1.0", 1),
        ("int64", b"1e3", 1000),
        ("int64", b"12.50e1", 125),
        ("int64", b"0e99999999999999999999", 0),
        ("int64", b"1000000000000000000000e-3", 10**18),
        ("int8", b"-128", -128),
        ("int16", b"32767", 32767),
        ("uint8", b"255", 255),
        ("uint64", b"18446744073709551615", 2**64 - 1),
        ("float64", b"0.1", 0.1),
        ("float64", b"1.7976931348623157e308", 1.7976931348623157e308),
        ("float64", b"5e-324", 5e-324),
        ("float64", b"9007199254740993", 9007199254740992.0),
        ("float64", b"123456789012345678901234567890.5", 123456789012345678901234567890.5),
        ("float64", b"8.41e21", 8.41e21),
        ("float32", b"0.1", 0.10000000149011612),
        ("decimal(10,2)", b"-12.30", Decimal("-12.30")),
        ("decimal(10,2)", b"1e2", Decimal("100.00")),
        ("decimal(10,2)", b"1.500000", Decimal("1.50")),
        ("decimal(38,0)", b"9" * 38, Decimal("9" * 38)),
        ("decimal(38,38)", b"-0." + b"9" * 38, Decimal("-0." + "9" * 38)),
        ("string", b'""', ""),
        ("string", b'"twelve bytes"', "twelve bytes"),
        ("string", b'"thirteen byte"', "thirteen byte"),
        ("string", b'"\\u00e9\\n\\t\\"\\\\\\/\\b\\f\\r"', 'é\n\t"\\/\b\f\r'),
        ("string", b'"\\ud83d\\ude00"', "😀"),
        ("string", '"é😀 zwölf und mehr Zeichen"'.encode(), "é😀 zwölf und mehr Zeichen"),
        ("string", b'"\\u0000"', "\0"),
        ("bool", b"true", True),
        ("bool", b"false", False),
        ("date", b'"1969-12-31"', date(1969, 12, 31)),
        ("date", b'"2024-02-29"', date(2024, 2, 29)),
        ("date", b'"0001-01-01"', date(1, 1, 1)),
        ("date", b'"9999-12-31"', date(9999, 12, 31)),
        ("timestamp[us, UTC]", b'"2021-07-21T06:00:00Z"', datetime(2021, 7, 21, 6, tzinfo=UTC)),
        ("timestamp[us, UTC]", b'"2021-07-21t06:00:00.123456z"', datetime(2021, 7, 21, 6, 0, 0, 123456, UTC)),
        (
            "timestamp[us, UTC]",
            b'"2021-07-21 06:00:00.120000000+02:30"',
            datetime(2021, 7, 21, 3, 30, 0, 120000, UTC),
        ),
        (
            "timestamp[ms, UTC]",
            b'"1969-12-31T23:59:59.999-00:00"',
            datetime(1969, 12, 31, 23, 59, 59, 999000, UTC),
        ),
        (
            "timestamp[us, UTC]",
            b'"9999-12-31T23:59:59+00:01"',
            datetime(9999, 12, 31, 23, 58, 59, tzinfo=UTC),
        ),
        ("timestamp[us, UTC]", b'"0001-01-01T00:00:00-00:01"', datetime(1, 1, 1, 0, 1, tzinfo=UTC)),
        ("timestamp[s, UTC]", b'"2000-02-29T00:00:00Z"', datetime(2000, 2, 29, tzinfo=UTC)),
        ("timestamp[us]", b'"2021-07-21T06:00:00.5"', datetime(2021, 7, 21, 6, 0, 0, 500000)),  # noqa: DTZ001 (no zone is the point)
        (EPOCH_MS, b"0", datetime(1970, 1, 1, tzinfo=UTC)),
        (EPOCH_MS, b"-1", datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)),
        (EPOCH_MS, b"1626847200000", datetime(2021, 7, 21, 6, tzinfo=UTC)),
        (EPOCH_MS, b"1626847200000.125", datetime(2021, 7, 21, 6, 0, 0, 125, UTC)),
        (EPOCH_MS, b"1.6268472e12", datetime(2021, 7, 21, 6, tzinfo=UTC)),
        (EPOCH_MS, b"-62135596800000", datetime(1, 1, 1, tzinfo=UTC)),
        (EPOCH_MS, b"253402300799999.999", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
        (EPOCH_MS, b'"2021-07-21T08:00:00+02:00"', datetime(2021, 7, 21, 6, tzinfo=UTC)),
        (EPOCH_NS, b"1626847200123456000", datetime(2021, 7, 21, 6, 0, 0, 123456, UTC)),
        (EPOCH_NS, b"0", datetime(1970, 1, 1, tzinfo=UTC)),
        (EPOCH_NS, b"-0.0", datetime(1970, 1, 1, tzinfo=UTC)),
        (BERLIN, b'"2021-07-21T08:00:00.5"', datetime(2021, 7, 21, 6, 0, 0, 500000, UTC)),
        (BERLIN, b'"2021-01-21 08:00:00"', datetime(2021, 1, 21, 7, tzinfo=UTC)),
        (BERLIN, b'"2021-01-21T08:00:00Z"', datetime(2021, 1, 21, 8, tzinfo=UTC)),
        (BERLIN_S, b'"1880-01-01T00:00:00"', datetime(1879, 12, 31, 23, 6, 32, tzinfo=UTC)),
        (BERLIN, b"1626847200", datetime(2021, 7, 21, 6, tzinfo=UTC)),
        ([BERLIN], b'["2021-07-21T08:00:00", null]', [datetime(2021, 7, 21, 6, tzinfo=UTC), None]),
        ("time", b'"00:00:00"', time(0)),
        ("time", b'"23:59:59.999999"', time(23, 59, 59, 999999)),
        ("time", b'"12:30:00.5"', time(12, 30, 0, 500000)),
        ("time", b'"12:30:00.123456000"', time(12, 30, 0, 123456)),
        ("binary", b'""', b""),
        ("binary", b'"AA=="', b"\0"),
        ("binary", b'"/+8="', b"\xff\xef"),
        ("binary", b'"\\/\\u002b8="', b"\xff\xef"),
        ("binary", base64_of(TWELVE), TWELVE),
        ("binary", base64_of(b"thirteen byte"), b"thirteen byte"),
        ("binary", base64_of(bytes(range(256))), bytes(range(256))),
        ("dictionary", b'"DE"', "DE"),
        ("dictionary", b'""', ""),
        ("dictionary", b'"\\u00e9, and more than twelve bytes"', "é, and more than twelve bytes"),
        (["dictionary"], b'["a", "b", null, "a"]', ["a", "b", None, "a"]),
        ({"a": "dictionary", "b": "time"}, b'{"a": "x"}', {"a": "x", "b": None}),
        ("json", b'{"a": [1, 2.50, null]}', '{"a": [1, 2.50, null]}'),
        ("json", b'"text"', '"text"'),
        ("json", b"1e400", "1e400"),
        (["int64"], b"[1, null, 3]", [1, None, 3]),
        (["int64"], b"[]", []),
        ([["string"]], b'[["a"], [], null, ["b", "c"]]', [["a"], [], None, ["b", "c"]]),
        ({"a": "int64", "b": {"c": "bool"}}, b'{"b": {"c": true}, "a": 5}', {"a": 5, "b": {"c": True}}),
        ({"a": "int64"}, b"{}", {"a": None}),
        (
            [{"x": "int64", "y": ["string"]}],
            b'[{"y": ["p"]}, {"x": 1}]',
            [{"x": None, "y": ["p"]}, {"x": 1, "y": None}],
        ),
    ],
)
def test_decode_fitting_literal_keeps_its_value(kind: Any, literal: bytes, value: Any) -> None:
    assert decoded(kind, literal) == value


@pytest.mark.parametrize(
    "kind",
    [
        "int64",
        "float64",
        "decimal(5,2)",
        "string",
        "bool",
        "date",
        "json",
        ["int64"],
        {"a": "int8"},
        "time",
        "binary",
        "dictionary",
        BERLIN,
        EPOCH_MS,
        ["dictionary"],
    ],
)
def test_decode_null_gives_null(kind: Any) -> None:
    assert decoded(kind, b"null") is None


def test_decode_minus_zero_keeps_its_sign() -> None:
    assert math.copysign(1, decoded("float64", b"-0.0")) == -1


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (b"1.000000059604644775390625", 1.0),  # halfway between two singles: to the even one
        (b"1.000000059604644775390625000001", 1 + 2**-23),
        (b"-1.0000001788139343261718749999999999", -1 - 2**-23),
        (b"340282356779733661637539395458142568447", 2.0**128 - 2.0**104),
        (b"340282356779733661637539395458142568448", "<out_of_range>"),
        (b"-340282356779733661637539395458142568447", 2.0**104 - 2.0**128),
    ],
)
def test_decode_single_is_the_nearest_to_the_number_itself(literal: bytes, value: Any) -> None:
    assert decoded("float32", literal) == value


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("int64", "out_of_range"), ("float64", "unparsable"), ("decimal(38,2)", "out_of_range")],
)
def test_decode_huge_exponent_is_not_made_up_for_by_too_few_zeros(kind: str, reason: str) -> None:
    assert decoded(kind, b"0." + b"0" * 1_999_999 + b"1e20000000") == f"<{reason}>"


def test_decode_single_that_lies_halfway_is_not_misread_for_its_length() -> None:
    assert decoded("float32", b"16777217" + b"0" * 70_000 + b"e-70000") == "<unparsable>"


@pytest.mark.parametrize(
    ("kind", "literal", "reason"),
    [
        ("int64", b"1.5", "type_mismatch"),
        ("int64", b"1e-1", "type_mismatch"),
        ("int64", b'"1"', "type_mismatch"),
        ("int64", b"true", "type_mismatch"),
        ("int64", b"[1]", "type_mismatch"),
        ("int64", b"9223372036854775808", "out_of_range"),
        ("int64", b"-9223372036854775809", "out_of_range"),
        ("int64", b"1e19", "out_of_range"),
        ("int64", b"1e999999999999", "out_of_range"),
        ("int8", b"128", "out_of_range"),
        ("int8", b"-129", "out_of_range"),
        ("uint8", b"-1", "out_of_range"),
        ("uint64", b"18446744073709551616", "out_of_range"),
        ("uint64", b"-1", "out_of_range"),
        ("float64", b"1e309", "out_of_range"),
        ("float64", b'"1"', "type_mismatch"),
        ("float32", b"1e39", "out_of_range"),
        ("float64", b"NaN", "malformed_json"),
        ("float64", b"Infinity", "malformed_json"),
        ("decimal(10,2)", b"1.234", "precision_loss"),
        ("decimal(3,2)", b"10", "out_of_range"),
        ("decimal(38,0)", b"1" + b"0" * 38, "out_of_range"),
        ("decimal(38,2)", b"1e-999999999", "precision_loss"),
        ("string", b"5", "type_mismatch"),
        ("string", b'"\\ud800"', "lone_surrogate"),
        ("string", b'"\\ud800\\ud800"', "lone_surrogate"),
        ("string", b'"\\udc00"', "lone_surrogate"),
        ("bool", b"1", "type_mismatch"),
        ("bool", b'"true"', "type_mismatch"),
        ("date", b'"2023-02-29"', "unparsable"),
        ("date", b'"1900-02-29"', "unparsable"),
        ("date", b'"2023-1-01"', "unparsable"),
        ("date", b'"2023-01-01T00:00:00Z"', "unparsable"),
        ("date", b'"0000-01-01"', "out_of_range"),
        ("date", b"20230101", "type_mismatch"),
        ("timestamp[us, UTC]", b'"2021-07-21T06:00:00"', "unparsable"),
        ("timestamp[us, UTC]", b'"2021-07-21T24:00:00Z"', "unparsable"),
        ("timestamp[us, UTC]", b'"2016-12-31T23:59:60Z"', "unparsable"),
        ("timestamp[us, UTC]", b'"2021-07-21T06:00:00.Z"', "unparsable"),
        ("timestamp[us, UTC]", b'"2021-07-21T06:00:00.1234567Z"', "precision_loss"),
        ("timestamp[ms, UTC]", b'"2021-07-21T06:00:00.0001Z"', "precision_loss"),
        ("timestamp[us, UTC]", b'"9999-12-31T23:59:59-00:01"', "out_of_range"),
        ("timestamp[us, UTC]", b'"0001-01-01T00:00:59.5+00:01"', "out_of_range"),
        (BERLIN, b'"0001-01-01T00:00:00"', "out_of_range"),
        (BERLIN, b'"0000-12-31T23:59:59"', "out_of_range"),
        (NEW_YORK, b'"9999-12-31T23:59:59"', "out_of_range"),
        ("timestamp[us, UTC]", b"1626847200", "type_mismatch"),
        ("timestamp[us]", b'"2021-07-21T06:00:00Z"', "unparsable"),
        (EPOCH_MS, b"0.0001", "precision_loss"),
        (EPOCH_MS, b"1e-400", "precision_loss"),
        (EPOCH_NS, b"1", "precision_loss"),
        (EPOCH_MS, b"253402300800000", "out_of_range"),
        (EPOCH_MS, b"-62135596800000.001", "out_of_range"),
        (EPOCH_MS, b"1e999999999999", "out_of_range"),
        (EPOCH_MS, b"123456789012345678901234567890123456789012345", "out_of_range"),
        (EPOCH_MS, b"true", "type_mismatch"),
        (EPOCH_MS, b'"0"', "unparsable"),
        (EPOCH_MS, b'"2021-07-21T06:00:00"', "unparsable"),
        (BERLIN, b'"2021-03-28T02:30:00"', "unparsable"),  # the clocks went from 2:00 to 3:00
        (BERLIN, b'"2021-10-31T02:30:00"', "unparsable"),  # … and twice through the hour
        (BERLIN, b'"2021-07-21T06:00:00.1234567"', "precision_loss"),
        (BERLIN_S, b'"2021-07-21T06:00:00.1"', "precision_loss"),
        (BERLIN_S, b"1626847200", "type_mismatch"),
        ("time", b'"24:00:00"', "unparsable"),
        ("time", b'"23:59:60"', "unparsable"),
        ("time", b'"23:59"', "unparsable"),
        ("time", b'"23:59:59."', "unparsable"),
        ("time", b'"23:59:59Z"', "unparsable"),
        ("time", b'"23:59:59.1234567"', "precision_loss"),
        ("time", b'"2021-07-21T23:59:59"', "unparsable"),
        ("time", b"0", "type_mismatch"),
        ("binary", b'"AA"', "unparsable"),
        ("binary", b'"AA="', "unparsable"),
        ("binary", b'"A==="', "unparsable"),
        ("binary", b'"===="', "unparsable"),
        ("binary", b'"AB=="', "unparsable"),  # a bit is left over, which would be lost
        ("binary", b'"AAB="', "unparsable"),
        ("binary", b'"AA==AAAA"', "unparsable"),
        ("binary", b'"AA=A"', "unparsable"),
        ("binary", b'"_-8="', "unparsable"),
        ("binary", b'"AAAA\\n"', "unparsable"),
        ("binary", b'" AAA"', "unparsable"),
        ("binary", '"éAA"'.encode(), "unparsable"),
        ("binary", b'"\\ud800"', "unparsable"),
        ("binary", b"[0, 1]", "type_mismatch"),
        ("dictionary", b"5", "type_mismatch"),
        ("dictionary", b'"\\ud800"', "lone_surrogate"),
        (["int64"], b'{"a": 1}', "type_mismatch"),
        (["int64"], b'[1, "2"]', "type_mismatch"),
        ({"a": "int64"}, b"[1]", "type_mismatch"),
        ({"a": "int64!"}, b"{}", "missing_required"),
        ({"a": "int64!"}, b'{"a": null}', "missing_required"),
        (["int64!"], b"[1, null]", "missing_required"),
    ],
)
def test_decode_unfitting_literal_is_refused_with_reason(kind: Any, literal: bytes, reason: str) -> None:
    assert decoded(kind, literal) == f"<{reason}>"


def test_decode_required_field_of_absent_struct_is_no_refusal() -> None:
    assert decoded({"a": "int64!"}, b"null") is None


def test_decode_of_local_and_zoned_times_side_by_side_keeps_each_in_its_place() -> None:
    lines = (
        b'{"at": "2021-03-28T02:30:00"}',
        b'{"at": "2021-07-21T08:00:00"}',
        b'{"at": "2021-07-21T08:00:00Z"}',
        b"{}",
        b'{"at": 0}',
        b'{"at": "2021-07-21T08:00:00.0000001"}',
    )

    frame = frame_of({"at": BERLIN}, *lines)

    assert frame["at"].dt.to_string("iso:strict").to_list() == [
        "2021-07-21T06:00:00.000000+00:00",
        "2021-07-21T08:00:00.000000+00:00",
        None,
        "1970-01-01T00:00:00.000000+00:00",
    ]
    assert reasons({"at": BERLIN}, *lines) == [("unparsable", "at"), ("precision_loss", "at")]


def test_decode_rescues_values_that_the_new_types_refuse() -> None:
    columns = {"at": BERLIN, "b": "binary", "c": "dictionary", "t": "time"}
    line = b'{"at": "2021-03-28T02:30:00", "b": "AB==", "c": 5, "t": "24:00:00"}'

    assert rows(columns, line, on_mismatch="rescue") == [
        {
            "at": None,
            "b": None,
            "c": None,
            "t": None,
            "_rescued": '{"at":"2021-03-28T02:30:00","b":"AB==","c":5,"t":"24:00:00"}',
        }
    ]


def test_decode_dictionary_gives_a_categorical_that_sql_can_ask() -> None:
    lines = (b'{"c": "DE", "n": 1}', b'{"c": "AT", "n": 2}', b'{"n": 3}', b'{"c": "DE", "n": 4}')

    frame = frame_of({"c": "dictionary", "n": "int64", "l": ["dictionary"]}, *lines)

    assert frame.schema["c"] == pl.Categorical()
    assert frame.schema["l"] == pl.List(pl.Categorical())
    assert frame.sql("select n from self where c = 'DE'")["n"].to_list() == [1, 4]
    assert frame.sort("c", nulls_last=True)["n"].to_list() == [2, 1, 4, 3]


@given(st.binary(max_size=40) | st.text("AB/+=x-_ ", max_size=12).map(str.encode))
def test_decode_binary_takes_what_the_standard_library_takes_and_writes_alike(text: bytes) -> None:
    text = bytes(byte for byte in text if 0x20 <= byte < 0x7F and byte not in b'"\\')
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        value = None
    canonical = value is not None and base64.b64encode(value) == text

    assert decoded("binary", b'"' + text + b'"') == (value if canonical else "<unparsable>")
