"""One attempt to commit a batch: what its commit is made of, and whether it is in the log."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from storage.errors import ConcurrentRunError, StorageError, UnavailableError
from storage.layout.data_file import DataFile
from storage.tables.delta import METADATA_KEY, last_batch
from storage.upstream import storage_error, translated

_COMMIT_RETRIES = 100
"""Lost races to a version number before giving up; delta-rs' 15 were too few for 8 writers of one table."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of a batch.

    Attributes:
        version: The table version that holds the batch; where `written` is false, the version that was
            looked at, which holds the batch too.
        written: False where the table already held the batch, so that nothing was done.
    """

    version: int
    written: bool


@dataclass(frozen=True)
class Attempt:
    """All that one commit is made of.

    Attributes:
        attempt: Tells it from other attempts at the batch, where there are no files to tell it by.
        again: Whether it repeats the transaction of a batch that is in the table, to stand in the way of
            others.
        takes_over: The batch that is taken over by it; None where it commits one.
    """

    uri: str
    app_id: str
    number: int
    files: Sequence[DataFile]
    schema: pl.Schema
    partition_by: tuple[str, ...]
    metadata: Mapping[str, Any]
    marks: Mapping[str, str]
    attempt: str = ""
    again: bool = False
    takes_over: int | None = None

    @cached_property
    def commit_id(self) -> str:
        """Tells the batch from that of another process, and knows it again when it is committed again.

        File names are unique, so that they say whose commit it is; without any, one is as good as another.
        """
        names = sorted(file.path for file in self.files)
        return hashlib.sha256("\n".join([*names, self.attempt]).encode()).hexdigest()[:32]

    @property
    def told(self) -> dict[str, Any]:
        """What the commit says of itself, so that it is known again."""
        what = {"takes_over": self.takes_over} if self.takes_over else {"batch": self.number}
        return {"app_id": self.app_id, **what, "commit_id": self.commit_id}

    def properties(self, *, retries: int = _COMMIT_RETRIES) -> CommitProperties:
        """What makes the commit one of this batch."""
        return CommitProperties(
            custom_metadata={METADATA_KEY: {**self.told, "metadata": dict(self.metadata)}},
            max_commit_retries=retries,
            app_transactions=[Transaction(self.app_id, self.number)],
        )

    def add_actions(self) -> list[AddAction]:
        """The files, as the log has them."""
        return [
            AddAction(file.path, file.size, file.partition_values, file.modified_ms, True, file.stats)
            for file in self.files
        ]


def found_in(
    one: Attempt, table: DeltaTable, before: int | None, cause: Exception | None = None
) -> Commit | None:
    """This very commit, where it is in the log after `before`; None where the batch is not there at all."""
    version = version_of(one, table, before)
    if version is not None:
        return Commit(version, written=True)
    ours = replace(one, files=()).commit_id  # an earlier call may have taken the batch over
    others = set(_told_since(table, before, one.app_id).values()) - {ours}
    if others or (not one.again and last_batch(table, one.app_id) >= one.number):
        raise faster(one) from cause
    return None


def version_of(one: Attempt, table: DeltaTable, before: int | None) -> int | None:
    """The version that this very commit made, among those after `before`; None where it is not among them."""
    newer = _told_since(table, before, one.app_id)
    return next((version for version, told in newer.items() if told == one.commit_id), None)


def _told_since(table: DeltaTable, before: int | None, app_id: str) -> dict[int, str | None]:
    """The commits of an application after version `before`, and the identity that each has."""
    newer = table.version() - (-1 if before is None else before)
    with translated("read the log of the table", table.table_uri):
        history = table.history(newer) if newer > 0 else []
    told = {int(one["version"]): one.get(METADATA_KEY) for one in history}
    return {
        version: ours.get("commit_id")
        for version, ours in told.items()
        if isinstance(ours, dict) and ours.get("app_id") == app_id
    }


def faster(one: Attempt) -> ConcurrentRunError:
    """The error of who lost the race for a batch."""
    return ConcurrentRunError(
        f"another process is at batch {one.takes_over or one.number}, or has committed it meanwhile",
        where=f"{one.uri}, application {one.app_id!r}",
        expected="one run of a pipeline at a time",
        next_step="nothing is lost and nothing is doubled; run again once the other run has ended",
    )


def failure(exc: Exception, one: Attempt) -> StorageError:
    """A commit that certainly did not happen; a lost race to a version is worth another try."""
    error = storage_error(exc, doing=f"commit batch {one.number} of {one.app_id}", where=one.uri)
    if not isinstance(exc, CommitFailedError) or error.retryable:
        return error
    again = "run again: other writers of the table were faster"
    return UnavailableError(error.what, where=error.where, got=error.got, next_step=again)
