"""What a pipeline does with its rows beside adding them: upsert, insert_new and replace."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from config.pipeline import Pipeline
from pipelines.evolution import output_schema
from pipelines.reading.table_source import read_partitions
from pipelines.unstorable import Unstorable
from pipelines.written_batch import WrittenBatch
from storage.layout.partitions import PartitionValues
from storage.tables.merging.keys import check_rule, values_of
from storage.tables.merging.mergeable import check_mergeable
from storage.tables.merging.rule import ARRIVAL, MergeRule

NULL_KEY: Final = "null_key"
"""Why rows without a key are in the quarantine: nothing tells them from others."""


def check_mode(pipeline: Pipeline, table: Any) -> None:
    """Refuses a pipeline whose rows have not the columns of its key or order, or a table they cannot go to.

    Args:
        table: None where there is none yet.

    Raises:
        StepError: A transform does not fit the rows it gets.
        TableSchemaError: Final; says which column.
    """
    if pipeline.table.merges:
        check_rule(output_schema(pipeline), _rule(pipeline, 0))
    check_table(pipeline, table)


def check_table(pipeline: Pipeline, table: Any) -> None:
    """The latter alone."""
    if table is not None and pipeline.table.mode != "append":
        check_mergeable(table, _rule(pipeline, 0))


class Keyed:
    """The rows that go to the writer: those with a key, numbered where the files are sorted.

    With `append` and `replace` these are all, as they are.

    Args:
        first_row: The number of the first of them.
    """

    def __init__(self, pipeline: Pipeline, unstorable: Unstorable, first_row: int = 0) -> None:
        self._key = pipeline.table.key if pipeline.table.merges else ()
        self._numbers = arrival_of(pipeline) is not None
        self._unstorable = unstorable
        self._rows = first_row

    def frame(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The next rows, in order; those without a key go to the quarantine."""
        if self._key:
            rows = self._with_key(rows)
        if self._numbers:
            numbers = pl.int_range(self._rows, self._rows + rows.height, dtype=pl.Int64)
            rows = rows.with_columns(numbers.alias(ARRIVAL))
            self._rows += rows.height
        return rows

    def _with_key(self, rows: pl.DataFrame) -> pl.DataFrame:
        values = zip(self._key, values_of(rows.schema, self._key, "key"), strict=True)
        nulls = [pl.when(one.expression.is_null()).then(pl.lit(path)) for path, one in values]
        missing = rows.select(pl.coalesce(nulls)).to_series()
        if missing.null_count() == rows.height:
            return rows
        self._unstorable.put(rows.filter(missing.is_not_null()), NULL_KEY, missing.drop_nulls())
        return rows.filter(missing.is_null())


def arrival_of(pipeline: Pipeline) -> str | None:
    """The column that tells the order in which rows came, where sorted files would lose it."""
    return ARRIVAL if pipeline.table.merges and _rule(pipeline, 0).is_sorted else None


def commit_merged_rows(pipeline: Pipeline, written: WrittenBatch, table: Any) -> int:
    """Makes the rows visible as the mode says; `written` gets to know what became of them.

    Returns:
        The version that holds the batch; errors as of `commit_merge`.
    """
    from storage.tables.merging.commit import commit_merge  # few pipelines merge

    done = commit_merge(
        pipeline.table.uri,
        table,
        _rule(pipeline, written.fate.memory_bytes, written.planned.number, _clears(pipeline, written)),
        app_id=pipeline.name,
        batch=written.planned.number,
        staged=written.files,
        schema=written.schema,
        metadata=written.as_metadata,
        marks=written.marks,
        attempt=written.attempt,
    )
    written.fate.counts = done.counts
    return done.version


def forget_order(pipeline: Pipeline, written: WrittenBatch) -> None:
    """Removes what lies beside the files of a batch that came to nothing."""
    if arrival_of(pipeline):
        from storage.tables.merging.commit import remove_asides

        remove_asides(pipeline.table.uri, written.files, _rule(pipeline, 0))


def _clears(pipeline: Pipeline, written: WrittenBatch) -> tuple[PartitionValues, ...]:
    """Partitions that were read as a whole: what was made of them before is replaced, also by nothing."""
    whole = pipeline.source.read == "partitions" and not written.planned.is_replay
    if not whole or pipeline.table.mode != "replace":
        return ()
    return read_partitions(written.planned.files, written.schema, pipeline.table.partition_by)


def rule_of(pipeline: Pipeline, memory_bytes: int, number: int) -> MergeRule:
    """How the rows of batch `number` are settled among themselves; not for `append`."""
    return _rule(pipeline, memory_bytes, number)


def _rule(
    pipeline: Pipeline, memory_bytes: int, number: int = 0, clears: tuple[PartitionValues, ...] = ()
) -> MergeRule:
    return MergeRule.of(pipeline.table, memory_bytes, f"batch-{number}-merged", clears)
