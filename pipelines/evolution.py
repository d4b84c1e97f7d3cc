"""`on_new_column: add`: the table gets columns for fields that the contract does not name.

The table is the memory of what was added: its columns bear the type that a contract would name, so that every
later batch, run and process decodes them alike. What can have no column stays in `_rescued`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import Any, Final

import polars as pl
import pyarrow as pa

from config.column_types import Column, String
from config.errors import InvalidValueError
from config.names import RESCUED, RESERVED
from config.pipeline import Pipeline
from config.type_syntax import format_type, parse_type
from pipelines.intake import Columns
from pipelines.query import Counters, transformed
from storage.errors import TableSchemaError
from storage.tables.appendable import check_appendable
from storage.tables.columns import TableColumn, columns_for, columns_of
from storage.tables.delta import open_table
from storage.tables.evolution import Evolution, evolution_of, evolved, marks_of
from transforms.conform import conformed_schema
from transforms.decode.arrow import arrow_type
from transforms.errors import TransformError
from transforms.inference.new_columns import infer_new_columns
from transforms.whole_batch import without_rows

MOST_RECORDS: Final = 10_000
"""Records with new fields that are looked at, the first of a batch."""
MOST_BYTES: Final = 32 * 2**20
"""Of their rescued text."""
MOST_ADDED: Final = 500
"""Columns that a table gets this way; what comes beyond stays in `_rescued`."""

_KEY: Final = r'"[\pL_@$][\w@$-]*":'
"""A key of JSON that could name a column; also one within a value, which does no harm here."""
_ANY: Final = Column("a_name_that_no_transform_knows", String())
_PLAIN: Final = {
    "boolean": "bool",
    "byte": "int8",
    "short": "int16",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "timestamp": "timestamp[us, UTC]",
    "timestamp_ntz": "timestamp[us]",
}


def output_schema(pipeline: Pipeline) -> pl.Schema:
    """The columns of the rows behind the last transform; plans the query, and runs nothing.

    Raises:
        StepError: A transform does not fit the rows it gets.
    """
    schema = Columns(lineage=pipeline.lineage, file_number=False).extend(conformed_schema(pipeline))
    return transformed(without_rows(schema), pipeline, Counters()).collect_schema()


def next_evolution(pipeline: Pipeline, table: Any) -> Evolution | None:
    """What the next batch does to the columns of `table`; None where it does nothing, or makes the table.

    Raises:
        StepError: A transform does not fit the rows it gets.
        TableSchemaError: The table cannot take the rows of this pipeline; says what to do instead.
    """
    if table is None:
        return None
    check_appendable(table, pipeline.table.partition_by)
    return evolution_of(table, output_schema(pipeline))


def remembering(pipeline: Pipeline, table: Any) -> Pipeline:
    """`pipeline` with the columns in its contract that earlier batches added to `table`."""
    if pipeline.contract.on_new_column != "add" or table is None:
        return pipeline
    marks, known = marks_of(table), {one.name for one in pipeline.contract.columns}
    return with_columns(pipeline, (one for one in _as_contract(table) if one.name in marks.keys() - known))


def with_columns(pipeline: Pipeline, columns: Iterable[Column]) -> Pipeline:
    """`pipeline` with those of `columns` in its contract that come out of its transforms as they went in."""
    wanted = list(columns)
    wider = _with(pipeline, wanted)
    if not wanted or _pass(pipeline, wider, wanted):
        return wider
    for column in wanted if len(wanted) > 1 else ():
        pipeline = with_columns(pipeline, [column])
    return pipeline


def hands_on_new_columns(pipeline: Pipeline) -> bool:
    """Whether a column that nobody has named comes out of the transforms of `pipeline`."""
    return with_columns(pipeline, [_ANY]) is not pipeline


class Growth:
    """The contract of a batch while it is written: as the table remembers it, and as new fields make it.

    Attributes:
        pipeline: With every column that is known so far in its contract.
    """

    def __init__(self, pipeline: Pipeline, table: Any) -> None:
        self._original = pipeline
        self._adds = pipeline.contract.on_new_column == "add"
        self._table = table
        self._declared = {one.name for one in pipeline.contract.columns}
        self.pipeline = remembering(pipeline, table)
        self._sample: list[bytes] = []
        self._sampled_bytes = 0

    @property
    def marks(self) -> dict[str, str]:
        """The columns that the contract itself does not name, and their types."""
        return {one.name: format_type(one.type) for one in self._added()}

    def watch(self, frames: Generator[pl.DataFrame]) -> Generator[pl.DataFrame]:
        """The frames of a pass, from which a sample of rescued values is kept."""
        if not self._adds:
            return frames
        self._sample, self._sampled_bytes = [], 0
        return self._watched(frames)

    def grow(self) -> bool:
        """Adds columns for new fields in the sample; whether the batch is to be written again, with them.

        Commits to the table, where there is one: safe to repeat, and to race with others who add the same.

        Raises:
            StorageError: The table cannot be read or changed.
        """
        before, added = self.pipeline, self._candidates()
        wider = with_columns(before, added)
        if wider is before:
            return False
        self.pipeline = wider
        if self._table is not None:
            self._evolve()
        return self.pipeline.contract != before.contract

    def _evolve(self) -> None:
        """Where somebody else was faster to add one of the columns, its type is the one that holds."""
        uri = self._original.table.uri
        try:
            self._table = evolved(uri, self._table, output_schema(self.pipeline), marks=self.marks)
        except TableSchemaError:
            self._table = open_table(uri)
            self.pipeline = with_columns(self._original, self._as_theirs(self._added()))
            self._table = evolved(uri, self._table, output_schema(self.pipeline), marks=self.marks)

    def _added(self) -> list[Column]:
        return [one for one in self.pipeline.contract.columns if one.name not in self._declared]

    def _as_theirs(self, columns: Iterable[Column]) -> list[Column]:
        """`columns` in the types of the table where it has them, without those that no contract can name."""
        theirs = {one.name: one for one in _as_contract(self._table)}
        there = {one.name.casefold() for one in _columns_of(self._table)}
        return [
            theirs.get(one.name, one)
            for one in columns
            if one.name in theirs or one.name.casefold() not in there
        ]

    def _candidates(self) -> list[Column]:
        """Columns for the fields in the sample, in the table's types where it has them already."""
        found = infer_new_columns(self._sample)
        taken = {one.name.casefold() for one in self.pipeline.contract.columns} | set(RESERVED)
        usable = self._as_theirs(one for one in found if one.name.casefold() not in taken)
        room = MOST_ADDED - len(marks_of(self._table).keys() | self.marks.keys())
        return usable[: max(0, room)]

    def _watched(self, frames: Generator[pl.DataFrame]) -> Generator[pl.DataFrame]:
        with closing(frames):
            for frame in frames:
                self._see(frame[RESCUED].drop_nulls())
                yield frame

    def _see(self, rescued: pl.Series) -> None:
        """Keeps the texts that may have a field which is no column yet."""
        if rescued.is_empty() or len(self._sample) >= MOST_RECORDS or self._sampled_bytes >= MOST_BYTES:
            return
        known = [f'"{one.name}":' for one in self.pipeline.contract.columns]
        keys = rescued.to_frame("text").select("text", keys=pl.col("text").str.extract_all(_KEY))
        new = keys.filter(pl.col("keys").list.set_difference(known).list.len() > 0)["text"]
        # row objects allowed: a bounded sample
        for text in new.head(MOST_RECORDS - len(self._sample)).to_list():
            if self._sampled_bytes < MOST_BYTES:
                self._sample.append(text.encode())
                self._sampled_bytes += len(text)


def _with(pipeline: Pipeline, columns: Sequence[Column]) -> Pipeline:
    if not columns:
        return pipeline
    contract = {"columns": (*pipeline.contract.columns, *columns)}
    return pipeline.model_copy(update={"contract": pipeline.contract.model_copy(update=contract)})


def _pass(pipeline: Pipeline, wider: Pipeline, columns: Sequence[Column]) -> bool:
    """Whether `columns`, which only `wider` has, are among the rows behind its transforms as they went in."""
    try:
        before, after = output_schema(pipeline), output_schema(wider)
        columns_for(after, ())  # which refuses names that differ by case alone
    except (TransformError, TableSchemaError):
        return False
    inside = conformed_schema(wider)
    return all(one.name not in before and after.get(one.name) == inside[one.name] for one in columns)


def _as_contract(table: Any) -> list[Column]:
    """The columns of a table as a contract would name them, in its exact types, less those that none can."""
    marks = marks_of(table)
    found = (_column(one.name, one.type, marks.get(one.name)) for one in _columns_of(table))
    return [one for one in found if one is not None]


def _column(name: str, stored: str, mark: str | None) -> Column | None:
    for text in (mark, _PLAIN.get(stored, stored)):
        try:
            column = Column(name, parse_type(text)[0]) if text else None
        except InvalidValueError:
            continue
        if column and _stored(column) == stored:
            return column
    return None


def _stored(column: Column) -> str:
    schema = pl.DataFrame(pa.schema([(column.name, arrow_type(column.type))]).empty_table()).schema
    return columns_for(schema, ())[0].type


def _columns_of(table: Any) -> Sequence[TableColumn]:
    return columns_of(table) if table is not None else ()
