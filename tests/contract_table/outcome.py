"""What became of a case: the stored value held against what was written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from config import column_types as kinds
from config.column_types import ColumnType
from tests.contract_table.canonical import Canonical, canonical, shown
from tests.contract_table.landing import TYPED, Landed, column_of
from tests.contract_table.meaning import NOTHING, json_or_error, meaning, plain, unknown_fields

SILENT = ("changed", "null", "lost", "field lost")
"""Outcomes in which something that was written is gone or another, and nobody is told."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        word: kept, rescued, refused, file refused, crash, new column (kept in one that was not asked for),
            taken (as it was written, although it does not fit or is no record), or one of SILENT.
        detail: The reason, or what is stored.
    """

    word: str
    detail: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether something was changed or lost without a word."""
        return self.word in SILENT

    def __str__(self) -> str:
        return f"{self.word}: {self.detail}" if self.detail else self.word


@dataclass(frozen=True)
class Result:
    """What an engine made of one file.

    Attributes:
        rows: Number and canonical value of each row.
        error: Why the file as a whole was refused; None where it was read.
        reasons: Of the records that were set aside.
        rescued: The canonical values kept aside for the case, by path from the record on.
        is_ours: Whether that is `_rescued`, and not a column that an engine added.
    """

    rows: list[tuple[Canonical, Canonical]] = field(default_factory=list)
    error: str | None = None
    reasons: tuple[str, ...] = ()
    rescued: dict[str, Canonical] = field(default_factory=dict)
    is_ours: bool = False


def outcome_of(landed: Landed, result: Result) -> Outcome:
    """The outcome of a case, from the values alone."""
    if result.error is not None:
        return Outcome("crash" if result.error == "crash" else "file refused")
    others = [value for number, value in result.rows if number in (["number", "1"], ["number", "3"])]
    about = [value for number, value in result.rows if number not in (["number", "1"], ["number", "3"])]
    if not about and result.reasons:
        return Outcome("refused", result.reasons[0])
    if not about or len(others) != 2:
        return Outcome("lost", "" if about or len(others) == 2 else "with the records beside it")
    return _of_value(landed, about[0], result)


def _of_value(landed: Landed, stored: Canonical, result: Result) -> Outcome:
    column, written = column_of(landed.case), landed.written
    if isinstance(written, Exception) and landed.format in ("ndjson", "json"):
        return Outcome("null") if stored is None else _of_malformed(written, stored)
    if column is not None:
        wanted = meaning(column.type, written, exact=landed.format in TYPED)
        got = _in_the_form_of(column.type, stored)
        if got is None and (wanted is not None or column.required):
            return Outcome("rescued" if result.rescued else "null")
        if got != wanted:
            return _of_misfit(landed, got)
    kind = column.type if column else None
    prefix = "value" if column else "extra"
    unknown = {prefix + path: canonical(plain(one)) for path, one in unknown_fields(kind, written).items()}
    if not unknown:
        return Outcome("kept")
    if result.rescued == unknown:
        return Outcome("rescued" if result.is_ours else "new column")
    return Outcome("field lost")


def _of_misfit(landed: Landed, stored: Canonical) -> Outcome:
    column = column_of(landed.case)
    if stored != _as_written(landed.written):
        return Outcome("changed", shown(stored))
    has_more = column is not None and unknown_fields(column.type, landed.written)
    return Outcome("new column") if has_more else Outcome("taken", shown(stored))


def _of_malformed(written: Exception, stored: Canonical) -> Outcome:
    if "twice" in str(written):
        return Outcome("field lost", f"{shown(stored)} kept")
    return Outcome("taken", shown(stored))


def _as_written(written: Any) -> Canonical:
    try:
        return canonical(plain(written))
    except TypeError:
        return NOTHING


def _in_the_form_of(kind: ColumnType, stored: Canonical) -> Canonical:
    """A value that is stored as text because the table has no such type, as what it stands for."""
    if stored is None or stored[0] != "text":
        return stored
    if isinstance(kind, kinds.Time) and re.fullmatch(r"\d\d:\d\d:\d\d\.\d{6}", stored[1]):
        return ["time", stored[1]]
    if isinstance(kind, kinds.Json):
        value: Any = json_or_error(stored[1])
        return NOTHING if isinstance(value, Exception) else canonical(plain(value))
    return stored
