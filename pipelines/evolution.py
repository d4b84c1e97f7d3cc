"""What a batch does to the columns of its table, and what the table does to the contract of a batch.

With `on_new_column: add`, the table is the memory of what was added: such columns bear the type that a
contract would name, so that every later batch, run and process decodes them alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

from config.column_types import Column, String
from config.errors import InvalidValueError
from config.pipeline import Pipeline
from config.type_syntax import parse_type
from pipelines.query import Counters, transformed
from pipelines.reading.intake import Columns
from storage.errors import TableSchemaError
from storage.tables.schema.appendable import check_appendable
from storage.tables.schema.columns import TableColumn, columns_for, columns_of
from storage.tables.schema.evolution import Evolution, evolution_of, marks_of
from transforms.conform import conformed_schema
from transforms.decode.arrow import arrow_type
from transforms.errors import TransformError
from transforms.whole_batch import without_rows

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
    return with_columns(pipeline, (one for one in as_contract(table) if one.name in marks.keys() - known))


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


def as_contract(table: Any) -> list[Column]:
    """The columns of a table as a contract would name them, in its exact types, less those that none can."""
    marks = marks_of(table)
    found = (_column(one.name, one.type, marks.get(one.name)) for one in _top_columns(table))
    return [one for one in found if one is not None]


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


def _top_columns(table: Any) -> Sequence[TableColumn]:
    return columns_of(table) if table is not None else ()
