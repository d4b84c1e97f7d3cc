"""Rows that have types of their own into the columns of a contract: types by schema, the rest by the rows.

What is never null, and which texts are few, a schema does not tell: that is what the sample says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from config.column_types import (
    Column,
    ColumnType,
    Date,
    Dictionary,
    Float,
    Json,
    List,
    String,
    Struct,
    Timestamp,
)
from config.findings import KeyPath
from transforms.decode.typed.plain import TEXT, elements_of, fields_of, is_list, is_text, plain, valid_slots
from transforms.inference.arrow_types import widest_type
from transforms.inference.inferred import Inferred
from transforms.inference.type_choice import TypeChoice, is_dictionary, may_require, why_unusable

Arrays = list[Any]
_FINER: Final = "nanoseconds in the files: what is no whole microsecond is refused"


def infer_typed(batches: Sequence[pa.RecordBatch]) -> Inferred:
    """The columns that the rows of all `batches`, the first ones of some files, fit."""
    typed = _TypedChoice()
    records = sum(batch.num_rows for batch in batches)
    arrays = _by_name((batch.schema.names, batch.columns) for batch in batches)
    columns = typed.columns(arrays, records, ())
    for column in columns:
        there = _values(arrays[column.name])
        if there < records:
            typed.choice.note_share((column.name,), there, records)
    days = {one.name: _days(arrays[one.name]) for one in columns if isinstance(one.type, Date | Timestamp)}
    return Inferred(columns, typed.choice.notes, typed.choice.left_out, days, records, 0)


class _TypedChoice:
    """As `TypeChoice`, from arrays; each place is seen as one array of each file that has it."""

    def __init__(self) -> None:
        self.choice = TypeChoice()

    def columns(self, arrays: dict[str, Arrays], places: int, path: KeyPath) -> tuple[Column, ...]:
        names: set[str] = set()
        columns = []
        for name, values in arrays.items():
            if reason := why_unusable(name, names, top_level=not path):
                self.choice.left_out[".".join(map(str, (*path, name)))] = reason
                continue
            names.add(name.casefold())
            columns.append(self._column(name, values, places, (*path, name)))
        return tuple(columns)

    def _column(self, name: str, arrays: Arrays, places: int, path: KeyPath) -> Column:
        kind = self._type(arrays, path)
        always = _values(arrays) == places > 0
        return Column(name, kind, required=always and may_require(kind, places, path))

    def _type(self, arrays: Arrays, path: KeyPath) -> ColumnType:
        typed = [array for array in map(plain, arrays) if not pa.types.is_null(array.type)]
        if typed and all(pa.types.is_struct(array.type) for array in typed):
            return self._struct(typed, path)
        if any(pa.types.is_map(array.type) for array in typed):
            return self._json(path, "a map in the files")
        if typed and all(is_list(array.type) for array in typed):
            elements = [elements_of(array)[1] for array in typed]
            return List(self._column("", elements, sum(map(len, elements)), (*path, 0)))
        return self._leaf(arrays, path)

    def _struct(self, arrays: Arrays, path: KeyPath) -> ColumnType:
        there = [array.filter(array.is_valid()) for array in arrays]
        names = [[field.name for field in array.type] for array in there]
        fields = _by_name(zip(names, (fields_of(array) for array in there), strict=True))
        columns = self.columns(fields, sum(map(len, there)), path)
        return Struct(columns) if columns else self._json(path, "no field has a name that a column can have")

    def _leaf(self, arrays: Arrays, path: KeyPath) -> ColumnType:
        types = [array.type for array in arrays]
        kind = widest_type(types)
        if kind is None:
            return self._json(path, "always null")
        if kind == Json():
            return self._json(path, f"in the files: {', '.join(sorted({str(one) for one in types}))}")
        if isinstance(kind, Float) and (count := sum(map(_infinite, map(plain, arrays)))):
            self.choice.note(path, f"{count:,} values are NaN or infinite, which is refused")
        if any(pa.types.is_temporal(one) and getattr(one, "unit", "") == "ns" for one in types):
            self.choice.note(path, _FINER)
        return self._text(arrays, path) if kind == String() else kind

    def _text(self, arrays: Arrays, path: KeyPath) -> ColumnType:
        texts = [array.cast(TEXT) for array in map(plain, arrays) if is_text(array.type)]
        values = pa.chunked_array(texts, TEXT).drop_null()
        distinct = len(pc.unique(values))
        characters = len(values) and pc.sum(pc.utf8_length(values)).as_py()  # row objects allowed: one number
        if not is_dictionary(distinct, len(values), characters):
            return String()
        self.choice.note(path, f"{distinct:,} different values in {len(values):,}")
        return Dictionary()

    def _json(self, path: KeyPath, reason: str) -> Json:
        self.choice.note(path, reason)
        return Json()


def _by_name(files: Any) -> dict[str, Arrays]:
    """The arrays of each name over all files, in the order of first sight; a file gives one for a name."""
    found: dict[str, Arrays] = {}
    for names, arrays in files:
        seen: set[str] = set()
        for name, array in zip(names, arrays, strict=True):
            if name not in seen:
                found.setdefault(name, []).append(array)
            seen.add(name)
    return found


def _infinite(array: Any) -> int:
    """How many values are NaN or infinite."""
    if not pa.types.is_floating(array.type):
        return 0
    there: int = len(array) - array.null_count
    return there - int(pc.is_finite(array).true_count)


def _values(arrays: Arrays) -> int:
    """How many values there are that are not null."""
    valid = [(len(array), valid_slots(plain(array))) for array in arrays]
    return sum(length if flags is None else int(flags.sum()) for length, flags in valid)


def _days(arrays: Arrays) -> int:
    days = pa.chunked_array([plain(array).cast(pa.date32(), safe=False) for array in arrays])
    return len(pc.unique(days.drop_null()))
