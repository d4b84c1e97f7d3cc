"""What the columns of a table become when other rows are to be written into it: more columns, wider types.

Types are those of the JSON that a Delta schema is kept as: text, or a mapping for structs, arrays and maps
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md#schema-serialization-format).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from storage.tables.schema.columns import type_words

_DIGITS: Final = {"byte": 3, "short": 5, "integer": 10, "long": 19}
"""The integers of Delta, from narrow to wide, and how many digits each may have."""
_EXACT_IN_DOUBLES: Final = ("byte", "short", "integer", "float")
_DECIMAL: Final = re.compile(r"decimal\(([0-9]+),([0-9]+)\)")

NARROWER: Final = (
    "keep the wider type in the contract, or cast to it in a transform: a table never gets narrower; "
    "a narrower type needs a new table"
)
OTHER_TYPE: Final = (
    "keep the table's type in the contract, cast to it in a transform, or write to a new table"
)
_PARTITION: Final = "keep the type of a partition column, or write to a new table"
_SAME_BUT_FOR_CASE: Final = "rename it in a transform: a table does not tell names apart by case alone"
_NEVER_NULL: Final = "give it a value in every row, or allow null in the table"
_IN_LISTS: Final = "keep the field: delta-rs cannot read lists of structs of which only some have it"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a column cannot be written: both types, in the words of Delta, and what to do instead."""

    got: str
    expected: str
    next_step: str


@dataclass
class Merge:
    """Merges the columns of rows into those of a table; everything is told by dotted path, `[]` for elements.

    Attributes:
        partition_by: Columns whose type nothing can change.
        added: Columns and fields that the table lacks, and their types.
        widened: The type before and after.
        refused: What cannot be written.
        rewrites: Whether some reader needs the files of the table in the new types: all but new columns,
            and new fields outside of lists.
    """

    partition_by: Sequence[str]
    added: dict[str, str] = field(default_factory=dict)
    widened: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    rewrites: bool = False

    def fields(
        self, theirs: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]], above: str = ""
    ) -> list[dict[str, Any]]:
        """The fields of the table in their order, in the types they become, and after them the new ones."""
        known = {one["name"]: one for one in theirs}
        wanted = {one["name"]: one for one in ours}
        twins = {name.casefold() for name in known}
        merged = [self._kept(one, wanted.get(one["name"]), above) for one in theirs]
        for name, one in wanted.items():
            if name in known:
                continue
            if name.casefold() in twins:
                got, path = type_words(one["type"]), above + name
                self.refused[path] = Refusal(got, "no such column", _SAME_BUT_FOR_CASE)
            else:
                merged.append(self._added(one, above))
        return merged

    def _kept(self, theirs: Mapping[str, Any], ours: Mapping[str, Any] | None, above: str) -> dict[str, Any]:
        path = above + theirs["name"]
        if ours is not None:
            return {**theirs, "type": self._type(theirs["type"], ours["type"], path)}
        if not theirs["nullable"]:
            self.refused[path] = Refusal("no such column", type_words(theirs["type"]), _NEVER_NULL)
        elif "[]" in path:
            self.refused[path] = Refusal("no such field", type_words(theirs["type"]), _IN_LISTS)
        return dict(theirs)

    def _added(self, ours: Mapping[str, Any], above: str) -> dict[str, Any]:
        path = above + ours["name"]
        self.added[path] = type_words(ours["type"])
        self.rewrites |= "[]" in path
        return dict(ours)

    def _type(self, theirs: Any, ours: Any, path: str) -> Any:
        match theirs, ours:
            case {"type": "struct"}, {"type": "struct"}:
                return {**theirs, "fields": self.fields(theirs["fields"], ours["fields"], f"{path}.")}
            case {"type": "array"}, {"type": "array"}:
                element = self._type(theirs["elementType"], ours["elementType"], f"{path}[]")
                return {**theirs, "elementType": element}
        before, after = type_words(theirs), type_words(ours)
        if before == after:
            return theirs
        if path not in self.partition_by and is_wider(after, before):
            self.widened[path] = before, after
            self.rewrites = True
            return ours
        self.refused[path] = Refusal(after, before, self._advice(path, before, after))
        return theirs

    def _advice(self, path: str, before: str, after: str) -> str:
        if path in self.partition_by:
            return _PARTITION
        return NARROWER if is_wider(before, after) else OTHER_TYPE


def is_wider(wide: str, narrow: str) -> bool:
    """Whether every value of `narrow` is one of `wide` too, both in the words of Delta, and they differ."""
    order = list(_DIGITS)
    if narrow in order and wide in order:
        return order.index(narrow) < order.index(wide)
    if wide == "double":
        return narrow in _EXACT_IN_DOUBLES
    if narrow == "date":
        return wide in ("timestamp", "timestamp_ntz")
    if not _DECIMAL.fullmatch(wide) or wide == narrow:
        return False
    digits, narrow_digits = _decimal_digits(wide), _decimal_digits(narrow)
    return any(narrow_digits) and all(one >= other for one, other in zip(digits, narrow_digits, strict=True))


def _decimal_digits(name: str) -> tuple[int, int]:
    """The digits before and after the point of a decimal or an integer; none of other types."""
    if match := _DECIMAL.fullmatch(name):
        return int(match[1]) - int(match[2]), int(match[2])
    return _DIGITS.get(name, 0), 0
