"""Whether rows of an Arrow schema can be rows of a contract: what a file with that schema would come to.

Refused at once is what no row with a value can get over: a type none of whose values fits the column, a
required column that is not there, a column too many where `on_new_column` is `fail`. What single values
decide (a number too large, text that is no date, null where none may be) is for the run, which sends it to
the quarantine, as from any file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from config.column_syntax import format_columns
from config.column_types import Column, ColumnType, Json, List, Struct
from config.pipeline import Contract
from serving.push.errors import MismatchError
from storage.reading.typed.column_types import plain_schema
from storage.reading.typed.failure import UnreadableError
from transforms.decode.kernel.codes import TYPE_MISMATCH
from transforms.decode.typed.copied_types import bare_type
from transforms.decode.typed.plain import JSON, UUID, is_extension, is_list
from transforms.decode.typed.rules import fitted

_MOST_TOLD = 10
_NESTING = 64
_WIDEST_BYTES = 64


@dataclass(frozen=True)
class _Problem:
    column: str
    got: str
    expected: str


def check_schema(schema: pa.Schema, contract: Contract, pipeline: str) -> None:
    """Nothing, where rows with that schema may be pushed.

    Raises:
        MismatchError: They may not; it names each column with what was got and what is expected.
    """
    _check_readable(schema, pipeline)
    problems = list(_Check(contract).columns(contract.columns, list(schema), ""))
    if not problems:
        return
    if len(problems) == 1:
        (one,) = problems
        raise MismatchError(
            "the batch does not fit the contract",
            where=f"pipeline {pipeline}, column {one.column}",
            got=one.got,
            expected=one.expected,
        )
    told = "; ".join(f"{one.column}: got {one.got}, expected {one.expected}" for one in problems[:_MOST_TOLD])
    more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
    raise MismatchError(
        f"the batch does not fit the contract in {len(problems)} columns",
        where=f"pipeline {pipeline}",
        got=told + more,
    )


def _check_readable(schema: pa.Schema, pipeline: str) -> None:
    try:
        plain_schema(schema)
    except (UnreadableError, UnicodeDecodeError) as error:
        raise MismatchError(
            "the batch has a column that cannot be read",
            where=f"pipeline {pipeline}",
            got=error,
            expected="names in UTF-8, zones that are known, and lists in place of list views",
        ) from error


@dataclass(frozen=True)
class _Check:
    contract: Contract

    def columns(
        self, columns: Sequence[Column], fields: Sequence[pa.Field], above: str
    ) -> Iterator[_Problem]:
        """The problems of the fields of one struct, or of the columns."""
        found = {one.name: one.type for one in fields}
        for name, times in Counter(one.name for one in fields).items():
            if times > 1:
                yield _Problem(above + name, f"{times} columns of this name", "1")
        for column in columns:
            yield from self._column(column, found.pop(column.name, None), above + column.name)
        if self.contract.on_new_column == "fail":
            names = [name for name, kind in found.items() if not pa.types.is_null(bare_type(kind))]
            yield from self._unknown(names, columns, above)

    def _unknown(self, names: Iterable[str], columns: Sequence[Column], above: str) -> Iterator[_Problem]:
        known = ", ".join(column.name for column in columns)
        for name in names:
            yield _Problem(above + name, "a column that the contract does not have", f"one of {known}")

    def _column(self, column: Column, kind: pa.DataType | None, path: str) -> Iterator[_Problem]:
        if kind is None or pa.types.is_null(bare_type(kind)):
            if column.required:
                got = "no such column" if kind is None else "a column of nulls alone"
                yield _Problem(path, got, _shown(column))
            return
        if not _may_fit(column.type, kind):
            if column.required or self.contract.on_mismatch != "rescue":
                yield _Problem(path, str(kind), _shown(column))
            return
        inner = bare_type(kind)
        if isinstance(column.type, Struct):
            yield from self.columns(column.type.fields, list(inner), f"{path}.")
        if isinstance(column.type, List):
            yield from self._column(column.type.element, _element(inner), f"{path}[]")


def _may_fit(kind: ColumnType, given: pa.DataType) -> bool:
    """Whether some value of an Arrow type may be one of the column: its zero, or its empty text, is tried."""
    inner = bare_type(given)
    if isinstance(kind, Struct):
        return bool(pa.types.is_struct(inner))
    if isinstance(kind, List):
        return is_list(inner)
    if isinstance(kind, Json):
        return True
    if pa.types.is_nested(inner):
        return False
    verdicts = fitted(kind, _zero(inner), _NESTING).verdicts
    return verdicts is None or int(verdicts[0]) != TYPE_MISMATCH


def _zero(kind: pa.DataType) -> pa.Array:
    """One value of a type without parts."""
    if is_extension(kind, JSON) or is_extension(kind, UUID):
        return pa.ExtensionArray.from_storage(kind, _zero(kind.storage_type))
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return pa.array([""], pa.string()).cast(kind)
    width = kind.byte_width if pa.types.is_fixed_size_binary(kind) else 0
    buffers = [None, pa.py_buffer(bytes(max(width, _WIDEST_BYTES)))]
    if kind.num_buffers > len(buffers):
        buffers.append(pa.py_buffer(b""))
    return pa.Array.from_buffers(kind, 1, buffers)


def _element(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_map(kind):
        return pa.struct([("key", kind.key_type), ("value", kind.item_type)])
    return kind.value_type


def _shown(column: Column) -> str:
    """The type as a pipeline file has it."""
    name = column.name or "element"
    (shown,) = format_columns([Column(name, column.type, column.required)]).values()
    return str(shown)
