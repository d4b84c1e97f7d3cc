"""Whether a pipeline can work, found out without a single record: `penstock validate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from config.errors import PenstockError
from config.pipeline import Pipeline
from config.table import Table
from pipelines.errors import QueryError
from pipelines.evolution import hands_on_new_columns, remembering
from pipelines.groups.reach import whole_because
from pipelines.modes import check_table
from pipelines.reading.intake import Columns
from pipelines.reading.table_source import with_source_columns
from storage.errors import TableSchemaError
from storage.layout.leaf_options import check_bloom, check_statistics
from storage.layout.sort_keys import sort_keys, z_keys
from storage.layout.table_schema import check_partition_columns, storable_schema
from storage.tables.delta import open_table
from storage.tables.merging.keys import values_of
from storage.tables.schema.appendable import check_appendable
from storage.tables.schema.columns import TableColumn, columns_for
from storage.tables.schema.evolution import Evolution, evolution_of
from transforms.conform import conformed_schema
from transforms.errors import ExpectationError, StepError
from transforms.expectations import rules_of
from transforms.steps import apply_step, step_name
from transforms.whole_batch import needs_whole_batch, without_rows

Problem = ExpectationError | QueryError | StepError | TableSchemaError


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A transform as Polars would run it.

    Attributes:
        name: As reports name it: `1 sql`, `2 mycompany.cleaning:drop_bots`.
        whole_batch: What in it looks beyond a single row, such as `sort`; empty where nothing does.
    """

    name: str
    whole_batch: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """What a pipeline would do, and what keeps it from doing it.

    Attributes:
        columns: Of the table; empty where they cannot be told.
        steps: The transforms, up to the last that works.
        table_version: None where there is no table yet.
        evolution: What the next batch does to the columns of the table; None where it does nothing.
        adds_columns: Whether the table gets columns for fields that the contract does not name.
        written_whole: Why a cluster could not write a batch in groups of files; empty where it can.
        problems: Everything that was found wrong.
    """

    pipeline: Pipeline
    columns: tuple[TableColumn, ...]
    steps: tuple[StepPlan, ...]
    table_version: int | None
    evolution: Evolution | None
    adds_columns: bool
    written_whole: tuple[str, ...]
    problems: tuple[PenstockError, ...]

    def as_dict(self) -> dict[str, Any]:
        """As `penstock validate --json` prints it."""
        return {
            "pipeline": self.pipeline.name,
            "table": self.pipeline.table.uri,
            "table_version": self.table_version,
            "schema": [asdict(column) for column in self.columns],
            "transforms": [asdict(step) for step in self.steps],
            "evolution": _told(self.evolution),
            "adds_columns": self.adds_columns,
            "written_whole": list(self.written_whole),
            "problems": [problem.as_dict() for problem in self.problems],
        }


def validate(pipeline: Pipeline) -> Validation:
    """Holds expectations, transforms, layout and table against one another.

    Reads the log of the table, and of the source where that is one, and no data. Imports the functions that
    the transforms name, and calls them with a lazy frame.

    Raises:
        StorageError: The table cannot be read.
    """
    table = open_table(pipeline.table.uri)
    pipeline, evolution = remembering(with_source_columns(pipeline), table), None
    problems: list[PenstockError] = list(_expectation_problems(pipeline))
    steps: list[StepPlan] = []
    columns: tuple[TableColumn, ...] = ()
    whole: tuple[str, ...] = ()
    try:
        schema = _planned(pipeline, steps)
        whole = whole_because(pipeline)
        problems += _layout_problems(pipeline.table, schema)
        columns = columns_for(schema, pipeline.table.partition_by)
        problems += _reader_problems(pipeline, schema)
        if table is not None:
            check_appendable(table, pipeline.table.partition_by)
            check_table(pipeline, table)
            evolution = evolution_of(table, schema)
    except (StepError, TableSchemaError) as error:
        problems.append(error)
    version = table.version() if table is not None else None
    adds = pipeline.contract.on_new_column == "add" and hands_on_new_columns(pipeline)
    return Validation(pipeline, columns, tuple(steps), version, evolution, adds, whole, tuple(problems))


def _told(evolution: Evolution | None) -> dict[str, Any] | None:
    if evolution is None:
        return None
    widened = {path: {"from": before, "to": after} for path, (before, after) in evolution.widened.items()}
    return {"added": dict(evolution.added), "widened": widened, "writes_files_again": evolution.rewrites}


def _expectation_problems(pipeline: Pipeline) -> Iterator[Problem]:
    schema = conformed_schema(pipeline)
    for expectation in pipeline.expectations:
        yield from _problem(lambda one=expectation: rules_of([one], schema))  # type: ignore[misc]


def _reader_problems(pipeline: Pipeline, schema: pl.Schema) -> Iterator[Problem]:
    if not pipeline.readers:
        return
    from pipelines.promises.check import check_reader  # few pipelines promise anything, and this takes 0.2 s

    for reader in pipeline.readers:
        yield from _problem(lambda one=reader: check_reader(one, storable_schema(schema)))  # type: ignore[misc]


def _planned(pipeline: Pipeline, steps: list[StepPlan]) -> pl.Schema:
    """The columns after all transforms; adds to `steps` each one that works."""
    schema = Columns(lineage=pipeline.lineage, file_number=False).extend(conformed_schema(pipeline))
    for number, step in enumerate(pipeline.transforms, 1):
        name = step_name(number, step)
        rows = apply_step(without_rows(schema), step, name)
        try:
            steps.append(StepPlan(name, needs_whole_batch(rows)))
        except PolarsError as error:
            raise StepError(f"transform {name} cannot be planned", got=str(error).split("\n\n")[0]) from error
        schema = rows.collect_schema()
    return schema


def _layout_problems(table: Table, schema: pl.Schema) -> Iterator[Problem]:
    yield from _problem(lambda: check_partition_columns(schema, table.partition_by))
    for check, names in (
        (sort_keys, table.sort_by),
        (z_keys, table.layout.z_order_by),
        (check_bloom, table.layout.bloom),
        (check_statistics, () if table.layout.statistics == "all" else table.layout.statistics),
    ):
        for name in names:
            yield from _problem(partial(check, schema, [name]))
    if table.merges:
        named = {"key": table.key, "order_by": table.order_by}
        for option, path in [(option, path) for option, paths in named.items() for path in paths]:
            yield from _problem(lambda one=path, of=option: values_of(schema, [one], of))  # type: ignore[misc]


def _problem(check: Callable[[], object]) -> Iterator[Problem]:
    try:
        check()
    except (ExpectationError, QueryError, StepError, TableSchemaError) as error:
        yield error
