"""What the batches of a pipeline add up to, by the commits of its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.proof.committed_counts import CommittedCounts, Count
from storage.errors import TableError
from storage.tables.log.batches import LoggedBatch

UNKNOWN: Final = "unknown"
"""The reason where a commit tells how many records were refused, and not why."""


class _Told(BaseModel):
    """What the metadata of a commit tells beside the counts; None and empty where it was not noted then.

    Seconds and memory are told of, and nothing is ever compared with them.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore")

    undoes: int | None = None
    quarantined_by_reason: Mapping[str, Count] | None = None
    seconds_by_stage: Mapping[str, float] = {}
    peak_memory_bytes: Count | None = None


@dataclass
class Totals:
    """Sums over the batches whose commits were seen, each once; undos are batches, and take nothing away.

    Attributes:
        undos: How many of the batches took another one out of the table.
        seconds: By stage, on the clock.
        newest: The number of the last batch; 0 where there is none.
        last_at: When the last batch was committed, seconds since 1970 UTC; None where not said.
        last_seconds: What the last batch took until its commit; None where not said.
        last_peak_memory_bytes: Of the process that committed it, until then; None where not said.
    """

    batches: int = 0
    undos: int = 0
    files: int = 0
    bytes_read: int = 0
    records_read: int = 0
    rows_written: int = 0
    rows_dropped: int = 0
    rows_duplicate: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    newest: int = 0
    last_at: float | None = None
    last_seconds: float | None = None
    last_peak_memory_bytes: int | None = None

    def add(self, batch: LoggedBatch) -> None:
        """Counts a batch that comes after all that were counted; one that is counted already, not again.

        Raises:
            TableError: The commit does not tell what it should.
        """
        if batch.batch <= self.newest:
            return
        try:
            told = _Told.model_validate(batch.metadata)
            counts = CommittedCounts.of(batch.metadata) if told.undoes is None else None
        except ValidationError as error:
            raise TableError(
                "the commit of a batch does not tell its counts",
                where=f"{batch.app_id}, batch {batch.batch}, version {batch.version} of the table",
                got=f"{error.error_count()} values missing or wrong",
                expected="the counts that Penstock wrote",
                next_step="see what penstock verify says",
            ) from error
        self._add(batch, told)
        if counts is not None:
            self._add_counts(counts, told.quarantined_by_reason)

    def copy(self) -> Totals:
        """As it is now."""
        return deepcopy(self)

    def _add(self, batch: LoggedBatch, told: _Told) -> None:
        self.batches += 1
        self.undos += told.undoes is not None
        for stage, seconds in told.seconds_by_stage.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
        self.newest = batch.batch
        self.last_at = None if batch.timestamp_ms is None else batch.timestamp_ms / 1000
        self.last_seconds = sum(told.seconds_by_stage.values()) if told.seconds_by_stage else None
        self.last_peak_memory_bytes = told.peak_memory_bytes

    def _add_counts(self, counts: CommittedCounts, reasons: Mapping[str, int] | None) -> None:
        files = counts.files
        refused = sum(files.quarantined) + counts.unstorable
        self.files += len(files.read)
        self.bytes_read += counts.bytes_read
        self.records_read += sum(files.read)
        self.rows_written += counts.rows
        self.rows_dropped += sum(files.dropped)
        self.rows_duplicate += sum(files.duplicates) + (counts.merge.left_out if counts.merge else 0)
        for reason, count in ({UNKNOWN: refused} if reasons is None else reasons).items():
            self.quarantined[reason] += count
