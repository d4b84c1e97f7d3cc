"""What a batch is between its steps: planned, then written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from pipelines.replayed import Replayed
from pipelines.spent import Spent, peak_memory_bytes
from pipelines.tally import FileCounts
from storage.layout.data_file import DataFile
from storage.tables.merging.rule import MergeCounts

ACCEPTED: Final = "accepted"
"""The point of the query before the first transform; later ones bear the names of the steps."""


@dataclass(frozen=True)
class PlannedBatch:
    """The files of a batch; they are in the ledger and will not be planned again.

    files: in order, as `storage.tables.ledger.planning.plan` gives them.
    table: the data table as it was when the number was decided, None where there is none yet.
    spent: what the batch has cost so far; goes on counting as it is written and committed.
    """

    number: int
    files: pl.DataFrame
    table: Any
    spent: Spent = field(default_factory=Spent, compare=False)

    @property
    def is_replay(self) -> bool:
        """Whether it takes in records out of the quarantine."""
        return self.undoes is None and self.files["replays"].count() > 0

    @property
    def is_rebuild(self) -> bool:
        """Whether it takes in again what all batches before it took in, in the place of their rows."""
        return self.undoes is None and self.files["rebuilds"].count() > 0

    @property
    def undoes(self) -> int | None:
        """The batch that it takes out of the table; None where it takes something in."""
        found = self.files["undoes"].drop_nulls()
        return int(found[0]) if len(found) else None


@dataclass
class Fate:
    """What the commit made of the rows, where they are merged into the table.

    Attributes:
        memory_bytes: What the merge may use.
        counts: None before the commit, and with `append`.
        superseded: Of a rebuild that replaces partitions, rows that were written and gave way before.
        rows_removed: Of a rebuild, the rows that its commit took out; None before it.
    """

    memory_bytes: int
    counts: MergeCounts | None = None
    superseded: int = 0
    rows_removed: int | None = None


@dataclass(frozen=True)
class WrittenBatch:
    """What a batch wrote, and the counts that prove it complete."""

    planned: PlannedBatch
    files: tuple[DataFile, ...]
    refused: tuple[DataFile, ...]
    schema: pl.Schema
    counts: FileCounts
    marks: Mapping[str, str]  # columns that the contract does not name, see `pipelines.growth`
    steps: Mapping[str, int]  # rows behind each step, `accepted` first
    unstorable: int  # rows of the last step that no Delta partition can hold
    replayed: Replayed | None  # where the records come out of the quarantine
    reasons: Mapping[str, int]  # of all refused records; a replay leaves them where they are
    read_as: Mapping[str, Any]  # how the files were read, see `config.source`
    fate: Fate

    @property
    def attempt(self) -> str:
        """Tells this attempt at the batch from all others: the names of its files, which are unique."""
        return " ".join(file.path for file in (*self.files, *self.refused))

    def row_count(self) -> int:
        """Rows of the batch that the table holds after its commit; before it, those that were written."""
        merged = self.fate.counts
        return sum(file.rows for file in self.files) if merged is None else merged.written

    def left_out(self) -> int:
        """Rows that were written and are not in the table, because another one with their key won."""
        merged = self.fate.counts
        return 0 if merged is None else merged.left_out

    def as_metadata(self) -> dict[str, Any]:
        """The counts as JSON values, for the commits; and what the batch has cost until now."""
        return {
            "files": self.counts.as_metadata() | self._numbers(),
            "steps": dict(self.steps),
            "unstorable": self.unstorable,
            "rows": self.row_count(),
            "bytes_read": int(self.planned.files["size"].sum()),
            "quarantined_by_reason": dict(self.reasons),
            "read_as": dict(self.read_as),
            "seconds_by_stage": self.planned.spent.seconds(),
            "peak_memory_bytes": peak_memory_bytes(),
        }

    def _numbers(self) -> dict[str, list[int]]:
        if self.replayed is None:
            return {}
        return {"numbers": self.replayed.numbers.tolist()}  # row objects allowed: one number a file
