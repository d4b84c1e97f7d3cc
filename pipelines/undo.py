"""Takes a batch out of the table again, in one commit; its files can then be taken in once more.

An undo is a batch of its own, with the next number: planned in the ledger, marked in the quarantine, then
committed to the table. So one that was killed is finished by whoever comes next, and happens once.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.batch.planning import plan_replay_batch
from pipelines.errors import UndoError
from pipelines.progress import Progress
from pipelines.run import take
from pipelines.spent import peak_memory_bytes
from pipelines.written_batch import PlannedBatch
from storage.errors import ConcurrentRunError, IrreversibleError, StaleReadError, TableError
from storage.tables.delta import last_batch, open_table
from storage.tables.ledger.planned import OPEN_FILES_SCHEMA, planned_files
from storage.tables.ledger.planning import plan_undo, unplan
from storage.tables.log.commits import read_commits_back
from storage.tables.log.versions import open_version
from storage.tables.quarantine.commit import QuarantineCommit, QuarantineWriter
from storage.tables.quarantine.markers import replayed_by
from storage.tables.replacing.replacement import Replacement, commit_replacement
from storage.tables.undoing.reversal import Reversal, reversal_of
from storage.upstream import translated

_RACES = 20
"""Times that others may rearrange the files of the table while a batch is undone."""


@dataclass(frozen=True)
class UndoSummary:
    """What an undo did; the names are those of `penstock undo --json`.

    Attributes:
        batch: Its own number.
        undoes: The batch that it took out.
        files: How many files that one had: landed ones can be taken in again.
        rows_removed: By how many rows the table got smaller; negative where that batch had replaced more rows
            by fewer. None where the log does not tell any more.
        table_version: The version that it made.
        done_before: Whether the batch was undone already, so that nothing was done now.
    """

    pipeline: str
    batch: int
    undoes: int
    files: int
    rows_removed: int | None
    table_version: int | None
    done_before: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The document that `penstock undo --json` prints."""
        return asdict(self)


def undo(
    pipeline: Pipeline, batch: int, settings: Settings | None = None, *, progress: Progress | None = None
) -> UndoSummary:
    """Undoes a batch, once; first finishes the one that an earlier run has left, if there is one.

    Atomic and safe to repeat: where the batch is undone already, nothing happens.

    Args:
        pipeline: Whose batch it is.
        batch: Its number.

    Raises:
        UndoError: There is no such batch, or it is an undo itself, or its records were replayed.
        IrreversibleError: Others have changed its rows since, or files are gone that would have to come back.
        ConcurrentRunError: Another run of the same pipeline goes on.
        PenstockError: Reading or writing failed; the batch is not undone.
    """
    unfinished = plan_replay_batch(pipeline, OPEN_FILES_SCHEMA.to_frame)
    if unfinished is not None and unfinished.undoes == batch:
        return finish(pipeline, unfinished)
    if unfinished is not None:
        take(pipeline, unfinished, settings or Settings.from_environment(), progress)
    table = open_table(pipeline.table.uri)
    number = last_batch(table, pipeline.name) + 1
    if done := _check(pipeline, batch, number):
        return done
    _reversal(pipeline, table, batch)  # which refuses what cannot be done, before anything is written down
    files = plan_undo(pipeline.table.uri, pipeline.name, number, undoes=batch)
    planned = PlannedBatch(number, files, table)
    if planned.undoes != batch:
        raise _overtaken(pipeline, number)
    return finish(pipeline, planned)


def check_undo(pipeline: Pipeline, batch: int) -> None:
    """Refuses what `undo` would refuse, and changes nothing; errors as of it.

    Where an earlier run has left a batch, that is not looked at.
    """
    table = open_table(pipeline.table.uri)
    if not _check(pipeline, batch, last_batch(table, pipeline.name) + 1):
        _reversal(pipeline, table, batch)


def finish(pipeline: Pipeline, planned: PlannedBatch) -> UndoSummary:
    """Does what the ledger has planned; safe to repeat and to race. Errors as of `undo`."""
    with planned.spent.on("commit"):
        return _finish(pipeline, planned)


def _finish(pipeline: Pipeline, planned: PlannedBatch) -> UndoSummary:
    batch = _undone(planned)
    mark(pipeline, planned)
    for _ in range(_RACES):
        table = open_table(pipeline.table.uri)
        if last_batch(table, pipeline.name) >= planned.number:
            return _found(pipeline, planned.number, batch, planned.files.height)
        try:
            return commit(pipeline, planned, table)
        except StaleReadError:
            continue  # others have come in between: look again at what there is to be done
        except (IrreversibleError, TableError):
            give_up(pipeline, planned, table)
            raise
    raise _overtaken(pipeline, planned.number)


def _check(pipeline: Pipeline, batch: int, number: int) -> UndoSummary | None:
    """Whether the batch may be undone; what became of it where it is undone already."""
    where = f"{pipeline.name}, batch {batch}"
    with translated("read the ledger", pipeline.table.uri):
        ledger = planned_files(pipeline.table.uri, pipeline.name).filter(pl.col("batch") < number)
        its_own = ledger.filter(pl.col("batch") == batch).select("undoes", "rebuilds").collect()
        rebuilt = ledger.filter(pl.col("rebuilds").is_not_null()).select(pl.max("batch")).collect().item()
        undone = ledger.filter(pl.col("undoes") == batch).select("batch", "undoes").collect()
    if not 1 <= batch < number or its_own.is_empty():
        raise UndoError(
            "there is no such batch", where=where, expected=f"1 to {number - 1}" if number > 1 else "a batch"
        )
    if its_own["undoes"].count():
        raise UndoError(
            "this batch has undone another one, and cannot be undone itself",
            where=where,
            got=f"the undo of batch {its_own['undoes'][0]}",
            next_step="run the pipeline: it takes those files in again",
        )
    if batch <= (rebuilt or 0):
        raise _rebuilt(where, rebuilt, is_rebuild=its_own["rebuilds"].count() > 0)
    if undone.height:
        return _found(pipeline, int(undone["batch"][0]), batch, undone.height)
    if later := replayed_by(pipeline.table.uri, pipeline.name, batch):
        raise UndoError(
            "records that this batch refused were taken in since",
            where=where,
            got=f"replayed by batch {', '.join(map(str, later))}",
            next_step=f"undo that batch first: penstock undo PIPELINE --batch {later[-1]}",
        )
    return None


def _rebuilt(where: str, rebuilt: int, *, is_rebuild: bool) -> UndoError:
    what = "this batch has rebuilt the table" if is_rebuild else "the table was rebuilt since"
    return UndoError(
        f"{what}, and cannot be undone",
        where=where,
        got=f"rebuilt by batch {rebuilt}",
        expected="a batch after the last rebuild",
        next_step="put the pipeline file or the landed files right and rebuild again: "
        "penstock backfill PIPELINE --rebuild",
    )


def mark(pipeline: Pipeline, planned: PlannedBatch) -> None:
    """Says in the quarantine that all is undone that the batch did there, once."""
    uri, undoes = pipeline.table.uri, _undone(planned)
    with QuarantineWriter(uri, pipeline.name, planned.number) as writer:
        writer.undo(undoes)
        marker = QuarantineCommit(
            uri, pipeline.name, planned.number, writer.finish(), attempt=f"undoes {undoes}"
        )
    if marker.replaces:  # others have finished this undo, and gone on
        marker.give_up()
        return
    marker.commit({"undoes": undoes})


def _reversal(pipeline: Pipeline, table: Any, batch: int) -> Reversal:
    return reversal_of(pipeline.table.uri, table, pipeline.name, batch, keep=pipeline.table.upkeep.keep)


def commit(pipeline: Pipeline, planned: PlannedBatch, table: Any) -> UndoSummary:
    """Takes the rows of the batch out of the table as it was opened."""
    uri, name, undoes = pipeline.table.uri, pipeline.name, _undone(planned)
    reversal = _reversal(pipeline, table, undoes)
    metadata = {
        "undoes": undoes,
        "rows_removed": reversal.rows,
        "seconds_by_stage": planned.spent.seconds(),
        "peak_memory_bytes": peak_memory_bytes(),
    }
    replacement = Replacement(
        removes=reversal.removes,
        adds=reversal.adds,
        operation="RESTORE",
        data_change=True,
        reads=frozenset(),
        told={"app_id": name, "batch": planned.number, "commit_id": _id(name, planned), "metadata": metadata},
        transactions={name: planned.number},
    )
    version = commit_replacement(uri, table, replacement)
    return UndoSummary(name, planned.number, undoes, planned.files.height, reversal.rows, version)


def give_up(pipeline: Pipeline, planned: PlannedBatch, table: Any) -> None:
    """Takes the plan back, so that other batches can follow: what was possible then is so no more.

    First nobody else may be able to commit it, who opened the table before.
    """
    uri, name, number = pipeline.table.uri, pipeline.name, planned.number
    told = {"app_id": name, "takes_over": number, "commit_id": uuid.uuid4().hex}
    nothing = Replacement((), (), "WRITE", True, frozenset(), told, {name: number - 1})
    commit_replacement(uri, table, nothing)
    unplan(uri, name, number)


def _undone(planned: PlannedBatch) -> int:
    """The batch that a planned one undoes."""
    assert planned.undoes is not None, "only an undo comes here"
    return planned.undoes


def _id(name: str, planned: PlannedBatch) -> str:
    """The same for all who finish this undo: whoever comes second finds that it is done."""
    return hashlib.sha256(f"{name}\n{planned.number} undoes {planned.undoes}".encode()).hexdigest()[:32]


def _found(pipeline: Pipeline, number: int, undoes: int, files: int) -> UndoSummary:
    """Of an undo that is in the table."""
    uri, name = pipeline.table.uri, pipeline.name
    for commit in read_commits_back(uri, open_version(uri).version()):
        if (commit.ours.get("app_id"), commit.ours.get("batch")) == (name, number):
            rows = commit.ours.get("metadata", {}).get("rows_removed")
            return UndoSummary(name, number, undoes, files, rows, commit.version, done_before=True)
    return UndoSummary(name, number, undoes, files, None, None, done_before=True)


def _overtaken(pipeline: Pipeline, number: int) -> ConcurrentRunError:
    return ConcurrentRunError(
        f"another process is at batch {number}, or changes the table all the time",
        where=f"{pipeline.table.uri}, pipeline {pipeline.name!r}",
        expected="one run of a pipeline at a time",
        next_step="nothing is lost; run again once the other run has ended",
    )
