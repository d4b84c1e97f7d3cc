"""The commit of a rebuild: what was refused first, then the rows in the place of the old ones, once."""

from __future__ import annotations

from dataclasses import replace

from config.pipeline import Pipeline
from pipelines.modes import rule_of
from pipelines.written_batch import PlannedBatch, WrittenBatch
from storage.errors import IrreversibleError, StaleReadError, TableError
from storage.tables.attempt import Attempt, faster
from storage.tables.delta import last_batch, open_table
from storage.tables.quarantine.commit import QuarantineCommit
from storage.tables.rebuilding.commit import Rebuild, commit_rebuild
from storage.tables.replacing.replacement import Replacement, commit_replacement


def commit_rebuilt(pipeline: Pipeline, written: WrittenBatch) -> int:
    """Makes a rebuild visible, once; the version that holds it. Safe to call again.

    Raises:
        IrreversibleError: Rows of others would be lost. The rebuild is given up, and the table as it was.
        TableError: The table cannot take the rows beside those of others, or must not lose any; likewise.
        ConcurrentRunError: Another run of the pipeline is at this batch.
        StorageError: As of `commit_batch`.
    """
    planned, uri = written.planned, pipeline.table.uri
    one = _attempt(pipeline, written)
    refused = QuarantineCommit(uri, pipeline.name, planned.number, written.refused, attempt=written.attempt)
    before = _taken_over(one, planned, refused) if refused.replaces else int(planned.table.version())
    refused.commit(written.as_metadata())
    rule = None
    if pipeline.table.mode != "append":
        rule = rule_of(pipeline, written.fate.memory_bytes, planned.number)
    try:
        done = commit_rebuild(Rebuild(one, rule, written.fate.superseded, written.as_metadata), before)
    except (IrreversibleError, TableError):  # it would be in the way of all others
        give_up_rebuild(pipeline, planned)
        raise
    written.fate.counts, written.fate.rows_removed = done.counts, done.rows_removed
    return done.version


def give_up_rebuild(pipeline: Pipeline, planned: PlannedBatch) -> None:
    """Takes the plan of a rebuild back, so that other batches can follow; the table is as it was.

    Raises:
        StaleReadError: Another run of the pipeline has committed it, or gives it up too.
        StorageError: Reading or writing failed.
    """
    from pipelines.undo import give_up  # which imports what imports this

    table = open_table(pipeline.table.uri)
    if last_batch(table, pipeline.name) >= planned.number:
        raise StaleReadError(
            "the rebuild was committed meanwhile, and cannot be given up",
            where=pipeline.table.uri,
            got=f"batch {planned.number} of {pipeline.name}",
            next_step="nothing is lost; see penstock history",
        )
    give_up(pipeline, planned, table)


def _taken_over(one: Attempt, planned: PlannedBatch, refused: QuarantineCommit) -> int:
    """The version after which whoever wrote other records for this batch cannot commit it any more.

    As `take_over`, but that the table keeps its columns.
    """
    told = {**replace(one, files=(), takes_over=one.number).told}
    nothing = Replacement((), (), "WRITE", True, frozenset(), told, {one.app_id: one.number - 1})
    try:
        return commit_replacement(one.uri, planned.table, nothing)
    except StaleReadError as error:
        refused.give_up()
        raise faster(one) from error


def _attempt(pipeline: Pipeline, written: WrittenBatch) -> Attempt:
    return Attempt(
        pipeline.table.uri,
        pipeline.name,
        written.planned.number,
        written.files,
        written.schema,
        pipeline.table.partition_by,
        {},
        written.marks,
        written.attempt,
        again=True,
    )
