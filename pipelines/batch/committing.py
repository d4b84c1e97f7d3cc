"""A batch becomes visible: the refused records first, then the rows, each in one commit and once."""

from __future__ import annotations

from typing import Any

from config.pipeline import Pipeline
from pipelines.modes import commit_merged_rows, forget_order
from pipelines.written_batch import WrittenBatch
from storage.errors import ConcurrentRunError, IrreversibleError, TableSchemaError
from storage.tables.commits import commit_batch as commit_files
from storage.tables.commits import take_over
from storage.tables.delta import remove_unused
from storage.tables.quarantine.commit import QuarantineCommit


def commit_batch(pipeline: Pipeline, written: WrittenBatch) -> int:
    """Makes the batch visible, once; the table version that holds it.

    Raises:
        ConcurrentRunError: Another run of the pipeline committed this batch.
        TableSchemaError: Others made or changed the table meanwhile, so that it cannot take the rows.
        IrreversibleError: Of a rebuild, see `pipelines.backfill`.
        StorageError: The table cannot take it.
    """
    try:
        with written.planned.spent.on("commit"):
            if written.planned.is_rebuild:
                from pipelines.backfill.rebuilt_commit import commit_rebuilt  # few batches rebuild a table

                return commit_rebuilt(pipeline, written)
            return commit_rows(pipeline, written, commit_refused(pipeline, written))
    except (ConcurrentRunError, IrreversibleError, TableSchemaError):
        remove_unused(pipeline.table.uri, written.files)
        forget_order(pipeline, written)
        raise


def commit_refused(pipeline: Pipeline, written: WrittenBatch) -> Any:
    """Makes the refused records visible, and gives the data table to commit the rows to; errors as above."""
    uri, number, table = pipeline.table.uri, written.planned.number, written.planned.table
    refused = QuarantineCommit(uri, pipeline.name, number, written.refused, attempt=written.attempt)
    if refused.replaces:
        try:
            table = take_over(
                uri,
                table,
                app_id=pipeline.name,
                batch=number,
                attempt=written.attempt,
                schema=written.schema,
                partition_by=pipeline.table.partition_by,
                marks=written.marks,
            )
        except ConcurrentRunError:
            refused.give_up()
            raise
    refused.commit(written.as_metadata())
    return table


def commit_rows(pipeline: Pipeline, written: WrittenBatch, table: Any) -> int:
    """Makes the rows visible, on the table that `commit_refused` gave; errors as above."""
    if pipeline.table.mode != "append":
        return commit_merged_rows(pipeline, written, table)
    commit = commit_files(
        pipeline.table.uri,
        table,
        app_id=pipeline.name,
        batch=written.planned.number,
        files=written.files,
        schema=written.schema,
        partition_by=pipeline.table.partition_by,
        metadata=written.as_metadata(),
        marks=written.marks,
        attempt=written.attempt,
    )
    return commit.version
