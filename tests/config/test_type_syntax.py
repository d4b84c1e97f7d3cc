"""The text of scalar types."""

from __future__ import annotations

import pytest

from config.column_types import (
    Binary,
    Boolean,
    ColumnType,
    Date,
    Decimal,
    Dictionary,
    Float,
    Integer,
    Json,
    List,
    String,
    Struct,
    Time,
    Timestamp,
)
from config.errors import InvalidValueError
from config.type_syntax import format_type, parse_type

TYPES = [
    ("bool", Boolean()),
    ("string", String()),
    ("json", Json()),
    ("dictionary", Dictionary()),
    ("binary", Binary()),
    ("date", Date()),
    ("time", Time()),
    ("int8", Integer(8)),
    ("int64", Integer(64)),
    ("uint64", Integer(64, signed=False)),
    ("float32", Float(32)),
    ("decimal(12,2)", Decimal(12, 2)),
    ("decimal(38,38)", Decimal(38, 38)),
    ("timestamp[us, UTC]", Timestamp("us", "UTC")),
    ("timestamp[ms, Europe/Berlin]", Timestamp("ms", "Europe/Berlin")),
    ("timestamp[us]", Timestamp("us", None)),
]


@pytest.mark.parametrize(("text", "kind"), TYPES)
def test_parse_type_reads_what_format_type_writes(text: str, kind: ColumnType) -> None:
    assert parse_type(text) == (kind, False)
    assert parse_type(text + "!") == (kind, True)
    assert format_type(kind) == text


@pytest.mark.parametrize("text", [" decimal( 12 , 2 ) ! ", "timestamp[us,UTC]", "timestamp [ us ]"])
def test_parse_type_ignores_spaces(text: str) -> None:
    assert isinstance(parse_type(text)[0], Decimal | Timestamp)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("strng", "string"),
        ("String", "string"),
        ("int", "int64"),
        ("double!", "float64"),
        ("timestamp", "timestamp[us, UTC]"),
        ("varchar(20)", "string"),
        ("Category", "dictionary"),
        ("enum", "dictionary"),
        ("blob!", "binary"),
        ("varbinary(20)", "binary"),
        ("decimal(12", "quotes"),
        ("int64!!", "int64"),
    ],
)
def test_parse_type_with_unknown_type_suggests_one(text: str, hint: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_type(text)

    assert caught.value.what == "an unknown type"
    assert caught.value.got == repr(text)
    assert hint in str(caught.value.next_step)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("decimal(0,0)", "decimal"),
        ("decimal(39,2)", "decimal"),
        ("decimal(4,5)", "decimal"),
        ("decimal()", "decimal"),
        ("timestamp[ns, UTC]", "nanoseconds"),
        ("timestamp[m]", "timestamp"),
        ("timestamp[us,]", "timestamp"),
        ("timestamp[us, Mars/Base]", "time zone"),
        ("timestamp[us, ../../etc/passwd]", "time zone"),
        ("int64[4]", "unknown type"),
        ("", "unknown type"),
        ("(", "unknown type"),
    ],
)
def test_parse_type_with_impossible_type_says_why(text: str, what: str) -> None:
    with pytest.raises(InvalidValueError, match=what):
        parse_type(text)


def test_parse_type_with_misspelt_zone_suggests_the_right_one() -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_type("timestamp[us, Europe/Berln]")

    assert caught.value.next_step == "did you mean 'Europe/Berlin'?"


@pytest.mark.parametrize("kind", [Struct(()), List(None)])  # type: ignore[arg-type]
def test_format_type_of_nested_type_is_refused(kind: ColumnType) -> None:
    with pytest.raises(TypeError, match="mapping or a list"):
        format_type(kind)
