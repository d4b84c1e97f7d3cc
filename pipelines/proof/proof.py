"""The conservation proof: that no record was lost or doubled, from what lies in storage alone.

ledger ──────────► every file in one batch, every batch complete
log of the table ► one commit a batch, whose counts add up to the rows that it adds; nobody else changes rows
quarantine ──────► as many records of each file as the commit of its batch says
markers in it ───► as many as the commit of a replay says, each with its record, no record with two
undone batches ──► their files left the table again, wherever compactions had put the rows, and no others did
rebuilds ────────► all files of the pipeline left the table, and the landed files of them all came in once
data files ──────► as many rows in the footers as in the log
landing zone ────► as many records in the files, where they are still there, as were read
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import polars as pl
from pydantic import ValidationError

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.proof.checks import (
    check_commit_numbers,
    check_counts,
    check_ledger,
    check_quarantine,
    check_recount,
    check_refused_early,
)
from pipelines.proof.committed_counts import CommittedCounts
from pipelines.proof.log_replay import Replay, check_footers
from pipelines.proof.rebuilds import check_rebuilds, check_rebuilt_counts, rebuilds_in, stood_for
from pipelines.proof.recount import Recount, landed_now, recount
from pipelines.proof.replays import check_marked, check_markers, check_sources
from pipelines.proof.source_rows import check_source_rows
from pipelines.proof.undos import check_undo, check_undone_markers, check_undos, undone_by
from pipelines.proof.violation import Violation
from storage.tables.delta import last_batch, open_table
from storage.tables.ledger.planned import planned_files
from storage.tables.log.commits import LoggedCommit, active_files, read_commits
from storage.tables.log.footers import Footer, read_footers
from storage.tables.quarantine.markers import marked_wrongly, marker_counts, refused_counts, undone_markers
from storage.upstream import translated


class Watcher:
    """Gets told how far a proof is; this one does nothing."""

    def begin(self, what: str, total: int) -> None:
        """A stage begins that looks at `total` files."""

    def at(self, position: int) -> None:
        """The stage is at this file, from 0."""


@dataclass(frozen=True)
class BatchProof:
    """One batch, in the numbers of its commit, and how many of its files could be counted again.

    A batch that is planned and not committed yet has state `pending` and no numbers. `records_replayed`
    are those of `records_read` that came out of the quarantine. `undoes` is the batch
    that it took out of the table, `undone_by` the committed one that took it out. `rebuilds` is the newest
    batch that a rebuild stands for, `rebuilt_by` the committed rebuild that stands for this one.
    """

    batch: int
    state: Literal["committed", "pending"]
    files: int
    table_version: int | None = None
    records_read: int | None = None
    records_replayed: int | None = None
    rows_written: int | None = None
    rows_quarantined: int | None = None
    rows_dropped: int | None = None
    rows_duplicate: int | None = None
    files_recounted: int | None = None
    files_gone: int | None = None
    files_changed: int | None = None
    undoes: int | None = None
    undone_by: int | None = None
    rebuilds: int | None = None
    rebuilt_by: int | None = None


@dataclass(frozen=True)
class Proof:
    """All batches in their order, and every place where the proof does not hold."""

    batches: tuple[BatchProof, ...]
    violations: tuple[Violation, ...]

    @property
    def ok(self) -> bool:
        """Whether the proof holds."""
        return not self.violations

    def as_dict(self) -> dict[str, Any]:
        """The document that `penstock verify --json` prints."""
        return {"ok": self.ok, **asdict(self)}


def prove(pipeline: Pipeline, settings: Settings, watcher: Watcher | None = None) -> Proof:
    """Reads ledger, log, quarantine, footers and landing zone, and holds them against one another.

    Memory grows with the number of files and commits, not of rows. Runs of the pipeline may go on meanwhile:
    what they commit after the proof began is not looked at.

    Raises:
        StorageError: Something that is there cannot be read. What is missing is a violation instead.
    """
    return _Prover(pipeline, settings, watcher or Watcher()).prove()


class _Prover:
    """The state of one proof: what was read, and what was found so far."""

    def __init__(self, pipeline: Pipeline, settings: Settings, watcher: Watcher) -> None:
        self._pipeline, self._settings, self._watcher = pipeline, settings, watcher
        uri, name = pipeline.table.uri, pipeline.name
        # The table first: batches that a run commits from here on are newer than those to be proved.
        self._table = open_table(uri)
        self._committed = last_batch(self._table, name)
        with translated("read the ledger", uri):
            self._ledger = (
                planned_files(uri, name)
                .select("batch", "file", "path", "identity", "size", "replays", "undoes", "rebuilds")
                .collect()
            )
        self._refused, self._markers = refused_counts(uri, name), marker_counts(uri, name)
        self._undos, self._undone = undone_by(self._ledger), undone_markers(uri, name)
        self._rebuilds, self._stood_for = rebuilds_in(self._ledger), stood_for(self._ledger)
        self._newest = last_batch(open_table(uri), name)
        self._landed = landed_now(pipeline, self._ledger)
        self._batches: list[BatchProof] = []
        self._violations: list[Violation] = []

    def prove(self) -> Proof:
        found = self._violations
        found += check_ledger(self._ledger, self._newest)
        found += check_sources(self._ledger)
        found += check_undos(self._ledger)
        found += check_rebuilds(self._ledger)
        found += check_undone_markers(self._ledger, self._undone, self._committed)
        found += check_refused_early(self._refused, self._newest)
        found += check_refused_early(self._markers.rename({"by": "batch", "batch": "replays"}), self._newest)
        self._check_markers()
        self._check_table()
        self._add_pending()
        found.sort(key=lambda one: one.batch or 0)
        self._batches.sort(key=lambda one: one.batch)
        return Proof(tuple(self._batches), tuple(found))

    def _check_table(self) -> None:
        uri, found, replay = self._pipeline.table.uri, self._violations, Replay(self._pipeline.name)
        version = -1 if self._table is None else int(self._table.version())
        for commit in read_commits(uri, version):
            found += replay.apply(commit)
            batch = replay.batch_of(commit)
            if batch is not None and batch in self._undos:
                self._check_undo(batch, commit, replay)
            elif batch is not None:
                self._check_batch(batch, commit, replay.changes[batch].rows_removed)
        active = active_files(self._table)
        found += replay.complete(version, int(active["rows"].sum()))
        found += check_commit_numbers(replay.batches, self._committed)
        self._watcher.begin("data files", active.height)
        found += check_footers(active, self._watched(read_footers(uri, active["path"])))

    def _check_markers(self) -> None:
        uri, name = self._pipeline.table.uri, self._pipeline.name
        for refused_by in self._markers["batch"].unique().sort():
            wrong = marked_wrongly(uri, name, refused_by)
            self._violations += check_marked(refused_by, wrong, self._newest)

    def _check_batch(self, batch: int, commit: LoggedCommit, rows_removed: int) -> None:
        found, files = self._violations, self._ledger.filter(pl.col("batch") == batch)
        try:
            counts = CommittedCounts.of(commit.ours.get("metadata"))
        except ValidationError as error:
            found.append(
                Violation(batch, None, "counts in the commit", "as they were written", _first(error))
            )
            return
        self._watcher.begin(f"batch {batch} of {self._committed}", files.height)
        landed = files.filter(pl.col("replays").is_null())
        pipeline = self._pipeline.model_copy(update={"source": counts.as_read(self._pipeline.source)})
        refused = self._refused.filter(pl.col("batch") == batch)
        countable = landed.join(refused.filter("by_limit"), on="path", how="anti")
        again = recount(countable, self._landed, pipeline, self._settings, self._watcher.at)
        markers = self._markers.filter(pl.col("by") == batch).drop("by").rename({"batch": "replays"})
        found += check_counts(batch, counts, files, commit.rows_added(), rows_removed)
        found += check_quarantine(batch, counts, landed, refused.select("path", "records"))
        found += check_markers(batch, counts, files, markers)
        found += check_recount(batch, counts, landed, again.counts)
        if (batch in self._rebuilds) != (counts.rebuilds is not None):
            what = "rebuilds of the table, by the commit and by the ledger"
            found.append(Violation(batch, None, what, "the same", "not so"))
        if batch in self._rebuilds:
            found += check_rebuilt_counts(batch, counts, commit.rows_added(), rows_removed)
        if pipeline.source.table is not None:
            found += check_source_rows(batch, counts, landed)
        proof = _batch_proof(batch, commit, counts, files, again)
        rebuilt_by = self._rebuilt_by(batch)
        self._batches.append(
            replace(proof, undone_by=self._undone_by(batch), rebuilds=counts.rebuilds, rebuilt_by=rebuilt_by)
        )

    def _check_undo(self, batch: int, commit: LoggedCommit, replay: Replay) -> None:
        undoes, files = self._undos[batch], self._ledger.filter(pl.col("batch") == batch).height
        self._violations += check_undo(batch, undoes, commit, replay.changes, replay.lineage)
        version = commit.version
        self._batches.append(BatchProof(batch, "committed", files, version, undoes=undoes))

    def _add_pending(self) -> None:
        beyond = self._ledger.filter(pl.col("batch") > self._committed)
        # row objects allowed: one a batch
        for batch, files in beyond.group_by("batch").agg(pl.len()).iter_rows():
            rebuilds = batch - 1 if batch in self._rebuilds else None
            undoes = self._undos.get(batch)
            self._batches.append(BatchProof(batch, "pending", files, undoes=undoes, rebuilds=rebuilds))

    def _undone_by(self, batch: int) -> int | None:
        undos = (by for by, undoes in self._undos.items() if undoes == batch and by <= self._committed)
        return next(undos, None)

    def _rebuilt_by(self, batch: int) -> int | None:
        """The first rebuild that stands for it."""
        later = (one for one, stands_for in sorted(self._stood_for) if stands_for == batch)
        return next((one for one in later if one <= self._committed), None)

    def _watched(self, footers: Iterable[Footer]) -> Iterator[Footer]:
        for position, footer in enumerate(footers):
            self._watcher.at(position)
            yield footer


def _batch_proof(
    batch: int, commit: LoggedCommit, counts: CommittedCounts, files: pl.DataFrame, again: Recount
) -> BatchProof:
    sums = {name: sum(values) for name, values in counts.by_file().items()}
    replayed, read = files.filter(pl.col("replays").is_not_null())["file"], counts.files.read
    return BatchProof(
        batch=batch,
        state="committed",
        files=files.height,
        table_version=commit.version,
        records_read=sums["read"],
        records_replayed=sum(read[file] for file in replayed if file < len(read)),
        rows_written=counts.merge.written if counts.merge else commit.rows_added(),
        rows_quarantined=sums["quarantined"] + counts.unstorable,
        rows_dropped=sums["dropped"],
        rows_duplicate=sums["duplicates"] + (counts.merge.left_out if counts.merge else 0),
        files_recounted=again.counts.height,
        files_gone=again.gone,
        files_changed=again.changed,
    )


def _first(error: ValidationError) -> str:
    one = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in one['loc']) or 'all of them'}: {one['msg']}"
