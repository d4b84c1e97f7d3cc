"""The data table as the sum of its commits: only batches may change how many rows it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from pipelines.proof.violation import Violation
from storage.tables.log.commits import LoggedCommit
from storage.tables.log.footers import Footer
from storage.tables.rebuilding.owners import Owners
from storage.tables.undoing.lineage import Lineage


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The paths of the files that a commit added and removed, and their rows."""

    added: frozenset[str]
    removed: frozenset[str]
    rows_added: int
    rows_removed: int

    def net_rows(self) -> int:
        """By how many rows the table got larger."""
        return self.rows_added - self.rows_removed


@dataclass
class Replay:
    """Takes the commits of a table in their order.

    Attributes:
        app_id: The pipeline whose batches are counted; those of others in the same table are batches too.
        batches: How often each batch of the pipeline was committed.
        files: The files of the table after the commits so far, and their rows where the log tells.
        versions: How many commits there were.
        lineage: What compactions made of which files.
        changes: Of each batch of the pipeline, the files that its commit added and removed.
        owners: Whose rows the files hold.
    """

    app_id: str
    batches: Counter[int] = field(default_factory=Counter)
    files: dict[str, int | None] = field(default_factory=dict)
    versions: int = 0
    lineage: Lineage = field(default_factory=Lineage)
    changes: dict[int, FileChanges] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)

    def batch_of(self, commit: LoggedCommit) -> int | None:
        """The number of the batch, where `commit` is one of the pipeline."""
        batch = commit.ours.get("batch")
        return batch if commit.ours.get("app_id") == self.app_id and isinstance(batch, int) else None

    def apply(self, commit: LoggedCommit) -> Iterator[Violation]:
        """Takes one commit, and says what is wrong with it; its counts are not looked at."""
        batch = self.batch_of(commit)
        if batch is not None and "rebuilds" in (commit.ours.get("metadata") or {}):
            yield from self._not_swapped(batch, commit)
        self.owners.apply(commit)
        removed = sum(self.files.pop(path, None) or 0 for path in commit.removed)
        self.files.update(commit.added)
        self.versions += 1
        self.lineage.apply(commit)
        yield from _unknown_rows(batch, commit)
        if batch is not None:
            self.batches[batch] += 1
            added = commit.rows_added()
            paths = frozenset(commit.added), frozenset(commit.removed)
            self.changes[batch] = FileChanges(*paths, added, removed)
            yield from _no_batch(batch, commit, removed)
        elif "batch" not in commit.ours and commit.rows_added() != removed:
            what = f"rows that version {commit.version} adds, a {commit.operation} and no batch"
            yield Violation(None, None, what, f"{removed:,}, as many as it removes", commit.rows_added())

    def _not_swapped(self, batch: int, commit: LoggedCommit) -> Iterator[Violation]:
        """A rebuild takes out all files with rows of the pipeline, and those alone."""
        ours = {path for path in self.files if self.app_id in self.owners.of(path)}
        for path in sorted(ours.symmetric_difference(commit.removed))[:5]:
            expected = "there no more" if path in ours else "there, as it holds rows of others alone"
            yield Violation(batch, path, "data file after the rebuild", expected, "not so")

    def complete(self, newest: int, active_rows: int) -> Iterator[Violation]:
        """No version is missing, and the table holds what its commits add up to.

        Args:
            newest: The version of the table.
            active_rows: The rows of its files, as delta-rs has it.
        """
        if self.versions != newest + 1:
            yield Violation(None, None, "commits in the log of the data table", newest + 1, self.versions)
            return
        rows = sum(rows or 0 for rows in self.files.values())
        if rows != active_rows:
            yield Violation(None, None, "rows in the data table, as its commits add up", rows, active_rows)


def _unknown_rows(batch: int | None, commit: LoggedCommit) -> Iterator[Violation]:
    for path, rows in commit.added.items():
        if rows is None:
            yield Violation(
                batch, path, f"rows of the file in version {commit.version} of the log", "a number", "none"
            )


def _no_batch(batch: int, commit: LoggedCommit, removed: int) -> Iterator[Violation]:
    app_id = str(commit.ours["app_id"])
    if commit.transactions.get(app_id) != batch:
        found = str(commit.transactions.get(app_id, "none"))
        yield Violation(batch, None, f"transaction of version {commit.version}", str(batch), found)
    if commit.removed and not (commit.ours.get("metadata") or {}).keys() & {"undoes", "merge", "rebuilds"}:
        yield Violation(batch, None, f"rows that version {commit.version} removes", 0, removed)


def check_footers(active: pl.DataFrame, footers: Iterable[Footer]) -> Iterator[Violation]:
    """Each file of the table is there, and holds the rows that the log says.

    Args:
        active: The files of the table: `rows`, by the log.
        footers: Theirs, in the same order.
    """
    for rows, footer in zip(active["rows"], footers, strict=True):
        if footer.rows != rows:
            found = footer.problem or footer.rows or 0
            yield Violation(None, footer.path, "rows of the data file, by the log", rows or 0, found)
