"""A sample of records into the columns of a contract that all of them fit.

The sample is small and bounded, so Python objects are in order here, as nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from config.column_types import Column, Date, List, Struct, Timestamp
from config.findings import KeyPath
from transforms.inference.observed import BEYOND_NUMBERS, Observed
from transforms.inference.type_choice import MOST_DIGITS, TypeChoice


@dataclass(frozen=True)
class Inferred:
    """What a sample says about a contract.

    Attributes:
        columns: In the order of first sight. Required are those at the top level that had a value in every
            record, structs and lists excepted, for which the contract's long form would be hard to read.
        notes: Why a column has its type, by its keys; only where that is not plain to see.
        left_out: Why a field has no column, by dotted path; its values will be rescued.
        days: How many different days were seen in each date or timestamp column at the top level.
        records: How many records were looked at.
        unreadable: How many further ones the decoder would refuse whatever the contract.
    """

    columns: tuple[Column, ...]
    notes: dict[KeyPath, str]
    left_out: dict[str, str]
    days: dict[str, int]
    records: int
    unreadable: int


def infer_columns(records: Iterable[bytes]) -> Inferred:
    """The columns that all of `records` (one JSON text each) fit; none where no record can be read."""
    whole, unreadable = Observed(), 0
    for record in records:
        value = _parse(record)
        if value is None:
            unreadable += 1
        else:
            whole.see(value)
    choice = TypeChoice()
    usable = dict(choice.fields(whole, ()))
    columns = tuple(_column(choice, name, seen, whole.values) for name, seen in usable.items())
    days = {one.name: len(usable[one.name].days) for one in columns if isinstance(one.type, Date | Timestamp)}
    return Inferred(columns, choice.notes, choice.left_out, days, whole.values, unreadable)


def _column(choice: TypeChoice, name: str, seen: Observed, records: int) -> Column:
    kind = choice.type(seen, (name,))
    always = seen.values - seen.nulls == records
    return Column(name, kind, required=always and not isinstance(kind, Struct | List))


def _parse(record: bytes) -> dict[str, object] | None:
    """The object that `record` is; None where the decoder would refuse it."""
    try:
        # row objects allowed: the sample is bounded
        value = json.loads(
            record.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key that is there twice")
    return fields


def _integer(literal: str) -> float:
    # Python refuses to read integers of some thousand digits.
    return int(literal) if len(literal.lstrip("-")) <= MOST_DIGITS else BEYOND_NUMBERS


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
