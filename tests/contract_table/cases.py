"""The cases of the contract: a column type, and a value as it is written in each family of formats.

What should become of a case is not written here: it follows from the literal and the type, see `meaning.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

UTC_US = pa.timestamp("us", "UTC")
LONG = "1234567890123456789012345678.0123456789"
IN_BERLIN = {"type": "timestamp[us, UTC]", "assume_zone": "Europe/Berlin"}
IN_MS = {"type": "timestamp[us, UTC]", "epoch": "ms"}
AT = "timestamp[us, UTC]"


@dataclass(frozen=True)
class Case:
    """One value under one column type.

    Attributes:
        title: What is special about it.
        type: Of the column `value`, as contracts name it; None where the contract has no such column.
        json: The value in JSON; None where JSON cannot express the case.
        cell: The cell in CSV, with its quotes; None where CSV cannot express the case.
        arrow: Type and value of a column in Parquet, IPC and Avro; None where the case is about text.
        record: The whole record of JSON, where that is the case.
    """

    title: str
    type: Any
    json: str | None = None
    cell: str | None = None
    arrow: tuple[pa.DataType, Any] | None = None
    record: bytes | None = None


def text_case(title: str, kind: Any, text: str, arrow: tuple[pa.DataType, Any] | None = None) -> Case:
    """A case whose text is a string in JSON, and a quoted cell in CSV."""
    return Case(title, kind, f'"{text}"', f'"{text}"', arrow)


def number_case(title: str, kind: Any, text: str, arrow: tuple[pa.DataType, Any] | None = None) -> Case:
    """A case whose literal is the same in JSON and CSV."""
    return Case(title, kind, text, text, arrow)


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
FINE = (pa.timestamp("ns", "UTC"), 1714564800_123456700)
PRICE = pa.decimal128(20, 4)
EXACT = Decimal("9007199254740993.0")
RED = (pa.dictionary(pa.int32(), pa.string()), "red")
TWO = pa.struct([("a", pa.int64()), ("b", pa.int64())])
HALF = (pa.struct([("a", pa.float64())]), {"a": 1.5})
WALL = (pa.timestamp("us"), datetime(2024, 5, 1, 14))  # noqa: DTZ001 (what a clock on a wall shows)
CASES = (
    # integers
    number_case("in range", "int64", "9223372036854775807", (pa.int64(), 2**63 - 1)),
    number_case("beyond the range", "int64", "9223372036854775808", (pa.uint64(), 2**63)),
    number_case("below the range", "int64", "-9223372036854775809"),
    number_case("beyond a narrow range", "int8", "128", (pa.int64(), 128)),
    number_case("wider than the column, and fits", "int8", "127", (pa.int64(), 127)),
    number_case("narrower than the column", "int64", "7", (pa.int16(), 7)),
    number_case("negative", "uint8", "-1", (pa.int64(), -1)),
    number_case("largest of all", "uint64", "18446744073709551615", (pa.uint64(), 2**64 - 1)),
    number_case("integral, with a fraction of zero", "int64", "1.0", (pa.float64(), 1.0)),
    number_case("integral, with an exponent", "int64", "1e3", (pa.decimal128(9, 2), Decimal("1000"))),
    number_case("integral, beyond 2^53", "int64", "9007199254740993.0", (pa.decimal128(38, 1), EXACT)),
    number_case("a fraction", "int64", "1.5", (pa.float64(), 1.5)),
    Case("text that looks like a number", "int64", '"5"', None, (pa.string(), "5")),
    text_case("text", "int64", "five", (pa.string(), "five")),
    number_case("true", "int64", "true", (pa.bool_(), True)),
    number_case("a leading zero", "int64", "007"),
    number_case("white space around it", "int64", " 5 "),
    # floats
    number_case("finite", "float64", "0.1", (pa.float64(), 0.1)),
    number_case("narrower than the column", "float64", "0.5", (pa.float32(), 0.5)),
    number_case("beyond the range", "float64", "1e400"),
    number_case("beyond the range", "float32", "1e39", (pa.float64(), 1e39)),
    number_case("not a number", "float64", "NaN", (pa.float64(), float("nan"))),
    number_case("infinite", "float64", "Infinity", (pa.float64(), float("inf"))),
    Case("an integer that a double cannot hold", "float64", None, None, (pa.int64(), 2**53 + 1)),
    Case("a double that a float cannot hold", "float32", None, None, (pa.float64(), 0.1)),
    Case("text that looks like a number", "float64", '"1.5"', None, (pa.string(), "1.5")),
    # decimals
    number_case("fits", "decimal(9,2)", "1234567.89", (pa.decimal128(9, 2), Decimal("1234567.89"))),
    number_case("38 digits", "decimal(38,10)", LONG, (pa.decimal128(38, 10), Decimal(LONG))),
    number_case("a digit too many after the point", "decimal(9,2)", "1.005", (PRICE, Decimal("1.0050"))),
    number_case("zeros too many after the point", "decimal(9,2)", "1.5000", (PRICE, Decimal("1.5000"))),
    number_case("a digit too many before the point", "decimal(9,2)", "12345678", (pa.int64(), 12345678)),
    Case("a double, which is no exact number", "decimal(9,2)", None, None, (pa.float64(), 0.1)),
    # text
    text_case("text", "string", "Grüße 😀", (pa.string(), "Grüße 😀")),
    text_case("empty, which is not null", "string", "", (pa.string(), "")),
    Case("a number", "string", "5", None, (pa.int64(), 5)),
    Case("true", "string", "true", None, (pa.bool_(), True)),
    Case("an object", "string", '{"a":1}'),
    Case("half a surrogate pair", "string", '"\\ud800"'),
    Case("invalid UTF-8", "string", None, None, (pa.string(), b"a\xff"), b'{"id":2,"value":"a\xff"}'),
    Case("the character U+0000", "string", '"a\\u0000b"', None, (pa.string(), "a\0b")),
    Case("a cell that looks like null", "string", None, "NULL"),
    Case("a cell with quotes and a newline", "string", None, '"say ""hi""\nthere"'),
    text_case("text of few distinct values", "dictionary", "red", RED),
    # booleans
    number_case("true", "bool", "true", (pa.bool_(), True)),
    number_case("a number", "bool", "1", (pa.int64(), 1)),
    text_case("text", "bool", "yes", (pa.string(), "yes")),
    # time
    text_case("a day", "date", "2024-02-29", (pa.date32(), date(2024, 2, 29))),
    text_case("a day that does not exist", "date", "2023-02-29", (pa.string(), "2023-02-29")),
    text_case("a time stamp", "date", "2024-05-01T12:00:00Z", (UTC_US, NOON)),
    number_case("a number", "date", "20240501", (pa.int64(), 20240501)),
    text_case("a time of the day", "time", "10:00:00.5", (pa.time64("us"), time(10, 0, 0, 500000))),
    text_case("a time that does not exist", "time", "25:00:00"),
    text_case("with an offset", AT, "2024-05-01T14:00:00+02:00", (pa.timestamp("us", "Asia/Tokyo"), NOON)),
    text_case("without an offset", AT, "2024-05-01T14:00:00", WALL),
    text_case("without an offset, a zone assumed", IN_BERLIN, "2024-05-01T14:00:00", WALL),
    text_case("a digit finer than the unit", AT, "2024-05-01T12:00:00.1234567Z", FINE),
    text_case("coarser than the column", AT, "2024-05-01T12:00:00Z", (pa.timestamp("s", "UTC"), NOON)),
    text_case("a day alone", AT, "2024-05-01", (pa.date32(), date(2024, 5, 1))),
    text_case("other text", AT, "May 1st", (pa.string(), "May 1st")),
    number_case("a number", AT, "1714564800", (pa.int64(), 1714564800)),
    number_case("a number, milliseconds declared", IN_MS, "1714564800123", (pa.int64(), 1714564800123)),
    text_case("with an offset, none wanted", "timestamp[us]", "2024-05-01T12:00:00Z", (UTC_US, NOON)),
    # nested
    Case("an object", {"a": "int64"}, '{"a":1}', None, (pa.struct([("a", pa.int64())]), {"a": 1})),
    Case("a field of the wrong type", {"a": "int64"}, '{"a":1.5}', None, HALF),
    Case("a field that is unknown", {"a": "int64"}, '{"a":1,"b":2}', None, (TWO, {"a": 1, "b": 2})),
    Case("a list", {"a": "int64"}, "[1]", None, (pa.list_(pa.int64()), [1])),
    Case("a list", ["string"], '["a",null,"b"]', None, (pa.list_(pa.string()), ["a", None, "b"])),
    Case("a list with one wrong value", ["int64"], '[1,"x"]', None, (pa.list_(pa.string()), ["1", "x"])),
    Case("no list", ["string"], '"a"', None, (pa.string(), "a")),
    # the rest
    Case("any value", "json", '{"k":[1.50,null]}', '"{""k"":[1.50,null]}"'),
    Case("text that is no JSON", "json", None, "{k:1}"),
    text_case("base64", "binary", "AP8=", (pa.binary(), b"\0\xff")),
    text_case("no base64", "binary", "AP8"),
    # records
    Case("required and missing", "int64!", None, "", (pa.int64(), None), b'{"id":2}'),
    Case("a field that the contract does not have", None, "5", "5", (pa.int64(), 5)),
    Case("a column twice", "int64", None, None, None, b'{"id":2,"value":1,"value":2}'),
    Case("cut off", "int64", None, None, None, b'{"id":2,"value":1'),
    Case("a comma too many", "int64", None, None, None, b'{"id":2,"value":1,}'),
    Case("not an object", "int64", None, None, None, b"[2,1]"),
)  # fmt: skip
