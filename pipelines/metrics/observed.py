"""One pipeline, looked at again and again: nothing is read twice that has not changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from config.alerts import Alerts
from config.errors import PenstockError
from config.pipeline import Pipeline
from pipelines.metrics.tables import FollowedTable, TableState
from pipelines.reports.status import Files, open_by_reason, planned_of, waiting_of
from storage.tables.delta import open_table
from storage.tables.ledger.planned import ledger_uri
from storage.tables.log.batches import is_newest
from storage.tables.quarantine.records import quarantine_uri

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What no committed batch holds: files without a plan, and those of a batch that is under way."""

    landed: Files
    planned: Files | None


@dataclass(frozen=True, slots=True)
class Observation:
    """A pipeline as it was found.

    Attributes:
        pipeline: Its name; that of its file, where that cannot be read.
        at: When, seconds since 1970 UTC.
        ok: Whether all of it could be looked at.
        errors: How often it was not `ok`, since this process began.
        table: None where it could not be looked at now, as are the others.
        quarantined: Open records by reason.
    """

    pipeline: str
    at: float
    ok: bool = True
    errors: int = 0
    alerts: Alerts = field(default_factory=Alerts)
    table: TableState | None = None
    waiting: Waiting | None = None
    quarantined: Mapping[str, int] | None = None


class Observer:
    """Looks at one pipeline; one thread at a time.

    Args:
        pipeline: Which one.
        table: Its table, which other pipelines may write to.
        listed_s: Seconds that a listing of the landing zone is good for.
    """

    def __init__(self, pipeline: Pipeline, table: FollowedTable, listed_s: float) -> None:
        self.pipeline = pipeline
        self._table, self._listed_s = table, listed_s
        self._problems: list[str] = []
        self._ledger = _Version(ledger_uri(pipeline.table.uri))
        self._quarantine = _Version(quarantine_uri(pipeline.table.uri))
        self._last: int | None = None
        self._listed_at = 0.0
        self._waiting: Waiting | None = None
        self._quarantined: Mapping[str, int] | None = None

    def observe(self) -> Observation:
        """What there is now. Raises nothing of ours: what cannot be looked at is logged and left out."""
        told, self._problems = self._problems, []
        found = Observation(self.pipeline.name, time.time(), alerts=self.pipeline.alerts)
        with self._counting():
            found = replace(found, table=self._table.look(self.pipeline.name))
        if found.table is not None:
            last = found.table.last_batch
            if last != self._last:
                self._waiting = self._quarantined = None
            self._last = last
            with self._counting():
                found = replace(found, waiting=self._wait(last))
            with self._counting():
                found = replace(found, quarantined=self._refused(last))
        for problem in self._problems:
            if problem not in told:  # once: it comes again with every look
                _log.warning("%s cannot be looked at: %s", self.pipeline.name, problem)
        return replace(found, ok=not self._problems)

    def _wait(self, last: int) -> Waiting:
        known = None if self._ledger.has_changed() else self._waiting
        if known is not None and time.monotonic() - self._listed_at < self._listed_s:
            return known
        self._waiting = None
        uri, name = self.pipeline.table.uri, self.pipeline.name
        planned = planned_of(uri, name, last) if known is None else known.planned
        self._waiting = Waiting(waiting_of(self.pipeline), planned)
        self._listed_at = time.monotonic()
        return self._waiting

    def _refused(self, last: int) -> Mapping[str, int]:
        if self._quarantine.has_changed() or self._quarantined is None:
            self._quarantined = None
            self._quarantined = open_by_reason(self.pipeline.table.uri, self.pipeline.name, last)
        return self._quarantined

    @contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except PenstockError as error:
            self._problems.append(str(error))


class _Version:
    """The version of a table that is looked at for changes."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._seen: int | None = None

    def has_changed(self) -> bool:
        """Whether there is a version that was not there at the last call."""
        if self._seen is not None and is_newest(self._uri, self._seen):
            return False
        table = open_table(self._uri)
        before, self._seen = self._seen, None if table is None else int(table.version())
        return before != self._seen


def age_seconds(waiting: Waiting, now: float) -> float:
    """How long the oldest file waits; 0 where none does."""
    files = (waiting.landed, waiting.planned)
    oldest = min((one.oldest for one in files if one is not None and one.oldest), default=None)
    return 0.0 if oldest is None else max(0.0, (datetime.fromtimestamp(now, UTC) - oldest).total_seconds())
