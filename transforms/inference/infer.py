"""A sample of records into the columns of a contract that all of them fit.

The sample is small and bounded, so Python objects are in order here, as nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable

from config.column_types import Column, Date, Timestamp
from transforms.inference.inferred import Inferred
from transforms.inference.json_text import parse_object
from transforms.inference.observed import Observed
from transforms.inference.type_choice import TypeChoice


def infer_columns(records: Iterable[bytes]) -> Inferred:
    """The columns that all of `records` (one JSON text each) fit; none where no record can be read."""
    whole, unreadable = Observed(), 0
    for record in records:
        value = parse_object(record)
        if value is None:
            unreadable += 1
        else:
            whole.see(value)
    return choose_columns(whole, TypeChoice(), unreadable)


def choose_columns(whole: Observed, choice: TypeChoice, unreadable: int) -> Inferred:
    """The columns for records that were seen as objects, one `whole` for all of them."""
    columns = choice.columns(whole, ())
    for column in columns:
        seen = whole.fields[column.name]
        if column.name and not seen.is_always(whole.values):
            choice.note_share((column.name,), seen.values - seen.nulls, whole.values)
    days = {column.name: _days(column, whole.fields[column.name]) for column in columns if _is_day(column)}
    return Inferred(columns, choice.notes, choice.left_out, days, whole.values, unreadable)


def _is_day(column: Column) -> bool:
    return isinstance(column.type, Date | Timestamp)


def _days(column: Column, seen: Observed) -> int:
    counted = isinstance(column.type, Timestamp) and column.type.epoch
    return len(seen.numbers.days if counted else seen.texts.days)
