"""Columns as mappings, lists and text, and back."""

from __future__ import annotations

import pytest
from hypothesis import given

from config.column_syntax import format_columns, parse_columns
from config.column_types import Boolean, Column, Integer, List, String, Struct, Timestamp
from tests.config.generated import COLUMNS


def found(value: object) -> dict[str, str]:
    """What is wrong with `value`, by path."""
    return {".".join(map(str, path)): error.what for path, error in parse_columns(value)[1]}


@given(COLUMNS)
def test_parse_columns_reads_back_what_format_columns_writes(columns: tuple[Column, ...]) -> None:
    assert parse_columns(format_columns(columns)) == (columns, [])


@given(COLUMNS)
def test_parse_columns_takes_columns_as_they_are(columns: tuple[Column, ...]) -> None:
    assert parse_columns(columns) == (columns, [])


def test_parse_columns_reads_structs_and_lists() -> None:
    columns, findings = parse_columns({"a": {"b": "int8!", "c": ["string"]}, "d": ["string!"]})

    assert findings == []
    assert columns == (
        Column(
            "a",
            Struct((Column("b", Integer(8), required=True), Column("c", List(Column("", String()))))),
        ),
        Column("d", List(Column("", String(), required=True))),
    )


def test_parse_columns_reads_the_long_form() -> None:
    columns, _ = parse_columns(
        {"a": {"type": ["string"], "required": True}, "b": [{"type": "int8", "required": True}]}
    )

    assert columns == (
        Column("a", List(Column("", String())), required=True),
        Column("b", List(Column("", Integer(8), required=True))),
    )


def test_parse_columns_reads_the_options_of_timestamps() -> None:
    columns, findings = parse_columns(
        {
            "a": {"type": "timestamp[us, UTC]", "epoch": "ms"},
            "b": {"type": "timestamp[s, UTC]!", "assume_zone": "Europe/Berlin"},
            "c": [{"type": "timestamp[us, UTC]", "epoch": "s", "assume_zone": "UTC", "required": True}],
        }
    )

    assert findings == []
    assert columns == (
        Column("a", Timestamp("us", "UTC", epoch="ms")),
        Column("b", Timestamp("s", "UTC", assume_zone="Europe/Berlin"), required=True),
        Column("c", List(Column("", Timestamp("us", "UTC", epoch="s", assume_zone="UTC"), required=True))),
    )


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ({"type": "int64", "epoch": "ms"}, "a.epoch"),
        ({"type": "timestamp[us]", "epoch": "ms"}, "a.epoch"),
        ({"type": "timestamp[us]", "assume_zone": "UTC"}, "a.assume_zone"),
        ({"type": ["timestamp[us, UTC]"], "epoch": "s", "required": True}, "a.epoch"),
        ({"type": {"x": "int8"}, "epoch": "s"}, "a.epoch"),
        ({"type": "strng", "epoch": "s"}, "a.type"),
        ({"type": "timestamp[us, UTC]", "assume_zone": "Mars/Base"}, "a.assume_zone"),
    ],
)
def test_parse_columns_with_options_that_do_not_fit_names_them(kind: object, wrong: str) -> None:
    assert list(found({"a": kind})) == [wrong]


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "string", "epoch": "int64"},
        {"type": "string", "assume_zone": "string"},
        {"type": "string", "required": "bool", "epoch": "timestamp[us, Europe/Berlin]"},
        {"type": "string", "assume_zone": "timestamp[us, Europe/Berlin]"},
        {"type": "string", "required": "bool", "other": "int8"},
        {"type": "string"},
        {"epoch": "int64", "required": "bool"},
    ],
)
def test_parse_columns_with_fields_named_as_options_is_a_struct(kind: dict[str, str]) -> None:
    columns, findings = parse_columns({"a": kind})

    assert findings == []
    assert isinstance(columns[0].type, Struct)
    assert [field.name for field in columns[0].type.fields] == list(kind)


@pytest.mark.parametrize(
    "kind",
    [
        Timestamp("us", "UTC", epoch="days"),  # type: ignore[arg-type]
        Timestamp("us", "UTC", assume_zone="int64"),
        List(Column("", Timestamp("us", "UTC", epoch="int64"))),  # type: ignore[arg-type]
    ],
)
def test_parse_columns_with_options_that_no_text_tells_is_refused(kind: Timestamp | List) -> None:
    assert found([Column("a", kind)])["a"] == "an option that no timestamp has"


def test_parse_columns_with_fields_called_type_and_required_is_a_struct() -> None:
    columns, findings = parse_columns({"a": {"type": "string", "required": "bool"}})

    assert findings == []
    assert columns == (Column("a", Struct((Column("type", String()), Column("required", Boolean())))),)


@pytest.mark.parametrize("value", [None, {}, [], "id: int64", 5, (), [{"id": "int64"}]])
def test_parse_columns_without_columns_says_what_is_needed(value: object) -> None:
    assert found(value) == {"": "a contract needs columns"}


@pytest.mark.parametrize(
    "kind", [None, 5, {}, [], ["string", "int8"], True, b"int8", {1: "int8", 2: 3}.values()]
)
def test_parse_columns_with_no_type_is_refused(kind: object) -> None:
    assert found({"a": kind}) == {"a": "not a column type"}


@pytest.mark.parametrize("name", ["_rescued", "_FILE", "_record"])
def test_parse_columns_with_reserved_name_is_refused_at_the_top_only(name: str) -> None:
    assert found({name: "json"}) == {name: "a reserved column name"}
    assert found({"a": {name: "json"}}) == {}


@pytest.mark.parametrize("name", ["", "a b", "a.b", "1a", "a,b", "a=b", "a\nb", "-a", 'a"b', "é́", "a" * 256])
def test_parse_columns_with_unusable_name_is_refused(name: str) -> None:
    assert found({name: "json"}) == {name: "not a usable column name"}


@pytest.mark.parametrize("name", ["@timestamp", "$schema", "größe", "a-b", "_id", "a" * 255])
def test_parse_columns_takes_names_that_tables_can_have(name: str) -> None:
    assert found({name: "json"}) == {}


def test_parse_columns_with_names_that_differ_in_case_is_refused_at_every_level() -> None:
    what = "column names that differ only in upper and lower case"

    assert found({"a": "int8", "A": "int8", "b": {"c": "int8", "C": "int8"}}) == {"A": what, "b.C": what}


def test_parse_columns_with_repeated_column_is_refused() -> None:
    assert found([Column("a", String()), Column("a", Integer(8))]) == {
        "a": "a column name that is used twice"
    }


def test_parse_columns_with_unnamed_type_is_refused() -> None:
    assert found([Column("a", Integer(7))]) == {"a": "an unknown type"}


def test_parse_columns_reports_every_mistake_with_its_path() -> None:
    assert found(
        {"a": "strng", "b": {"c": "int"}, "d": [["tme"]], "e": {"type": "int8!", "required": False}}
    ) == {
        "a": "an unknown type",
        "b.c": "an unknown type",
        "d.0.0": "an unknown type",
        "e.required": "a type that is both required and not",
    }


def test_parse_columns_nested_without_end_is_refused() -> None:
    value: object = "int8"
    for _ in range(5000):
        value = [value]

    assert list(found({"a": value}).values()) == ["columns nested too deep"]
