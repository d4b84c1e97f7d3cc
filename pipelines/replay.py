"""Decodes the records of the quarantine again, under the contract of today; those that fit now go in, once.

A replay is made of batches like any other: planned in the ledger, committed with their number. So one that
was killed is finished by whoever comes next, and nothing is taken in twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.batch.planning import plan_replay_batch
from pipelines.errors import ReplayError
from pipelines.progress import Progress
from pipelines.reports.rejected import rejected_count
from pipelines.run import BatchSummary, take
from pipelines.step import Step, at_once
from pipelines.written_batch import PlannedBatch
from storage.tables.delta import last_batch, open_table
from storage.tables.ledger.planned import OPEN_FILES_SCHEMA
from storage.tables.quarantine.recalled import open_files


@dataclass(frozen=True)
class ReplaySummary:
    """What became of the records that were open in the quarantine when the replay began.

    `open = taken_in + dropped + duplicates + not_replayable + the sum of still_refused`.

    Attributes:
        still_refused: By today's reason.
        dropped: By expectations; they are open no more.
        duplicates: By key, within a batch of the replay; they are open no more.
        not_replayable: Too long to be kept, made by transforms, or what is left of a damaged file.
        batches: All that the replay committed; the first may be one that an earlier run had left unfinished.
    """

    pipeline: str
    open: int
    taken_in: int
    still_refused: dict[str, int]
    dropped: int
    duplicates: int
    not_replayable: int
    batches: tuple[BatchSummary, ...]

    def as_dict(self) -> dict[str, Any]:
        """The document that `penstock replay --json` prints."""
        return asdict(self)


def replay(
    pipeline: Pipeline,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    step: Step = at_once,
) -> ReplaySummary:
    """Replays every open record once; first finishes the batch that an earlier run has left, if there is one.

    Atomic by batch and safe to repeat, as `pipelines.run.run` is. `step` does the steps of its batches.

    Raises:
        ReplayError: The batches of the pipeline replace partitions.
        ConcurrentRunError: Another run of the same pipeline goes on.
        PenstockError: The batch under way failed; it is not visible.
    """
    if pipeline.table.mode == "replace":
        raise ReplayError(
            "records of a partition cannot be replayed without the others, whose place they would take",
            where=f"pipeline {pipeline.name}",
            got="table.mode: replace",
            next_step="take the whole batch in again: penstock undo PIPELINE --batch N, then penstock run",
        )
    return _Replay(pipeline, settings or Settings.from_environment(), progress, step).replay()


@dataclass
class _Replay:
    """The state of one replay."""

    pipeline: Pipeline
    settings: Settings
    progress: Progress | None
    step: Step
    fates: Counter[str] = field(default_factory=Counter)
    batches: list[BatchSummary] = field(default_factory=list)

    def replay(self) -> ReplaySummary:
        at_first = self._finish_unfinished()
        files, still = self._open_files(), Counter[str]()
        not_replayable = rejected_count(self.pipeline) - int(files["records"].sum())
        while (planned := self._planned(files)) is not None:
            still.update(self._take(planned))
            files = files.slice(planned.files.height)
        return ReplaySummary(
            pipeline=self.pipeline.name,
            open=at_first,
            taken_in=self.fates["taken_in"],
            still_refused=dict(still.most_common()),
            dropped=self.fates["dropped"],
            duplicates=self.fates["duplicates"],
            not_replayable=not_replayable,
            batches=tuple(self.batches),
        )

    def _finish_unfinished(self) -> int:
        """The records that were open before the batches of this replay, an unfinished one included."""
        planned = self._planned(OPEN_FILES_SCHEMA.to_frame())
        if planned is None:
            return rejected_count(self.pipeline)
        before = rejected_count(self.pipeline)
        self._take(planned)
        return before if planned.is_replay else rejected_count(self.pipeline)

    def _open_files(self) -> pl.DataFrame:
        uri, name = self.pipeline.table.uri, self.pipeline.name
        return open_files(uri, name, last_batch(open_table(uri), name))

    def _planned(self, files: pl.DataFrame) -> PlannedBatch | None:
        return self.step(
            "plan", f"{self.pipeline.name} replay", lambda: plan_replay_batch(self.pipeline, lambda: files)
        )

    def _take(self, planned: PlannedBatch) -> Mapping[str, int]:
        """Those of its records that were refused again, by reason."""
        written, batch = take(self.pipeline, planned, self.settings, self.progress, self.step)
        self.batches.append(batch)
        if written is None or written.replayed is None:
            return {}
        counts = written.counts
        self.fates["taken_in"] += counts.accepted()
        self.fates["dropped"] += sum(counts.dropped)
        self.fates["duplicates"] += sum(counts.duplicates)
        return written.replayed.still_refused
