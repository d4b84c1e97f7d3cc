"""What the parts of a pipeline must agree on: the table's columns with the contract's, and suchlike.

Only what is certain is refused here. After transforms the columns are known once the query is planned,
which `penstock validate` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from config.column_types import (
    Binary,
    Boolean,
    Column,
    ColumnType,
    Float,
    Integer,
    Json,
    List,
    String,
    Struct,
    Time,
)
from config.errors import InvalidValueError, did_you_mean
from config.findings import Finding, KeyPath
from config.names import CHANGE, FILE, RECORD, RESCUED, VERSION

_NOT_FOR: Final[dict[str, tuple[type, ...]]] = {
    "partition_by": (Float, Struct, List, Json, Binary, Time),
    "sort_by": (Struct, List),
    "key": (Struct, List, Json),
    "order_by": (Struct, List, Json),
    "z_order_by": (Struct, List),
    "bloom": (Struct, List, Boolean, Float),
    "statistics": (Struct, List),
}
_OF_LAYOUT: Final = ("z_order_by", "bloom", "statistics")
_WHY: Final = {
    "partition_by": "values that make no folder names",
    "sort_by": "values without an order",
    "key": "values that cannot be compared",
    "order_by": "values without an order",
    "z_order_by": "values without an order",
    "bloom": "values that no filter tells apart",
    "statistics": "values without a minimum",
}


def check_flat(columns: Sequence[Column]) -> list[Finding]:
    """Columns that no cell of a CSV file can hold."""
    return [
        (
            ("contract", "columns", column.name),
            InvalidValueError(
                "a CSV file has no nested values",
                got="a struct" if isinstance(column.type, Struct) else "a list",
                expected="a type without parts",
                next_step="use json, where the cells hold JSON text",
            ),
        )
        for column in columns
        if isinstance(column.type, (Struct, List))
    ]


def check_named(columns: Sequence[Column]) -> list[Finding]:
    """A contract without columns, where only the files could tell them."""
    if columns:
        return []
    problem = InvalidValueError("a required key is missing", expected="the key 'columns'")
    return [(("contract", "columns"), problem)]


def check_repeated(read: str, mode: str) -> list[Finding]:
    """Rows that come again and again, where nothing takes the place of what they were before."""
    if read != "partitions" or mode in ("replace", "upsert"):
        return []
    problem = InvalidValueError(
        "whole partitions, which come again with each change, would be added again",
        got=f"mode: {mode}, source.read: partitions",
        expected="mode: replace, or upsert",
    )
    return [(("table", "mode"), problem)]


def check_unique_names(names: Sequence[str]) -> list[Finding]:
    """Expectations that share a name, by which their counts are told apart."""
    return [
        (("expectations", position, "name"), InvalidValueError("a name that is used twice", got=repr(name)))
        for position, name in enumerate(names)
        if name in names[:position]
    ]


def check_table(
    contract_columns: Sequence[Column],
    table: Mapping[str, Any],
    *,
    added: Sequence[Column],
    transformed: bool,
) -> list[Finding]:
    """What `table` (a dumped `Table`) asks of columns that they cannot give.

    Args:
        contract_columns: Of the contract; none where they are those of a table, which nobody knows here.
        table: Its options by name.
        added: The columns that Penstock adds (`added_columns`).
        transformed: Whether transforms may make, change and drop columns, so that less is certain.
    """
    findings: list[Finding] = []
    if not contract_columns:
        return _keyless(table)
    for option, unfit in _NOT_FOR.items():
        of = ("table", "layout", option) if option in _OF_LAYOUT else ("table", option)
        names = table["layout"][option] if option in _OF_LAYOUT else table[option]
        for position, name in enumerate(() if names == "all" else names):
            here: KeyPath = (*of, position)
            if name in names[:position]:
                findings.append((here, InvalidValueError("a column that is named twice", got=repr(name))))
            elif option == "key" and table["mode"] not in ("upsert", "insert_new"):
                # Duplicates are told before transforms, so that these have nothing to say.
                unfit_key = _misuse(name, contract_columns, option, unfit) or _nullable(
                    name, contract_columns
                )
                findings += [(here, error) for error in unfit_key]
            elif not transformed:
                known = (*contract_columns, *added)
                findings += [(here, error) for error in _misuse(name, known, option, unfit)]
    if not transformed and {one.name for one in contract_columns} <= set(table["partition_by"]):
        findings.append((("table", "partition_by"), _nothing_left()))
    return findings


def added_columns(*, rescued: bool, lineage: bool) -> tuple[Column, ...]:
    """The columns beside those of the contract: `_rescued`, and with lineage `_file` and `_record`."""
    added = (Column(RESCUED, Json()),) if rescued else ()
    return (*added, Column(FILE, String()), Column(RECORD, Integer(64))) if lineage else added


def change_columns(read: str) -> tuple[Column, ...]:
    """What a source whose changes are read adds to each row: what became of it, and in which version."""
    if read != "changes":
        return ()
    return (Column(CHANGE, String(), required=True), Column(VERSION, Integer(64), required=True))


def _keyless(table: Mapping[str, Any]) -> list[Finding]:
    if not table["key"] or table["mode"] in ("upsert", "insert_new"):
        return []
    problem = InvalidValueError(
        "a key of columns that may be null",
        got=f"table.key with mode {table['mode']}, and no contract.columns",
        expected="required columns in contract.columns",
        next_step="name the columns of the source in contract.columns, those of the key with !",
    )
    return [(("table", "key"), problem)]


def _misuse(
    name: str, columns: Sequence[Column], option: str, unfit: tuple[type, ...]
) -> list[InvalidValueError]:
    paths = _paths(columns) if option != "partition_by" else {one.name: one.type for one in columns}
    kind = paths.get(name)
    if kind is None:
        return [_missing(name, option, paths)]
    if isinstance(kind, unfit):
        return [_unfit(name, option, kind)]
    return []


def _nullable(name: str, columns: Sequence[Column]) -> list[InvalidValueError]:
    """What is wrong with a key that may be null: rows without one would all be duplicates of each other."""
    first, _, rest = name.partition(".")
    column = next(one for one in columns if one.name == first)
    if not column.required:
        return [
            InvalidValueError(
                "key names a column that may be null",
                got=repr(first),
                expected="required columns all along the path",
                next_step=f"mark {first} with ! in the contract, or leave it out of the key",
            )
        ]
    return _nullable(rest, column.type.fields) if isinstance(column.type, Struct) else []


def _paths(columns: Sequence[Column], prefix: str = "") -> dict[str, ColumnType]:
    """Every column and every field of a struct, by dotted path; what is inside lists has no path."""
    paths: dict[str, ColumnType] = {}
    for column in columns:
        paths[prefix + column.name] = column.type
        if isinstance(column.type, Struct):
            paths |= _paths(column.type.fields, f"{prefix}{column.name}.")
    return paths


def _missing(name: str, option: str, paths: Mapping[str, ColumnType]) -> InvalidValueError:
    return InvalidValueError(
        f"{option} names a column that the contract has not",
        got=repr(name),
        expected="a column at the top level"
        if option == "partition_by"
        else "a column, or a path such as a.b",
        next_step=did_you_mean(name, paths) or "add it to contract.columns, or make it in a transform",
    )


def _unfit(name: str, option: str, kind: ColumnType) -> InvalidValueError:
    return InvalidValueError(
        f"{option} names a column of {_WHY[option]}",
        got=f"{name!r}, a {type(kind).__name__.lower()}",
        expected="a column of another type",
        next_step="derive one in a transform, such as cast(at as date) as day"
        if option == "partition_by"
        else None,
    )


def _nothing_left() -> InvalidValueError:
    return InvalidValueError(
        "every column is a partition column", expected="at least one column that is written to the files"
    )
