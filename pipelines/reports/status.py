"""Where a pipeline stands: `penstock status`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from config.pipeline import Pipeline
from pipelines.promises.promise import Promise
from storage.landing.listing import list_landing
from storage.tables.delta import last_batch, open_table
from storage.tables.feed.waiting import waiting_pieces
from storage.tables.ledger.planned import TAKES_IN, planned_files, taken_files, waiting_files
from storage.tables.log.versions import size_of, versions_of
from storage.tables.quarantine.records import quarantine_counts, quarantine_uri
from storage.upstream import translated

_LATELY = 20
"""Versions that are searched for the last batch: other writers, such as a compaction, come in between."""


@dataclass(frozen=True, slots=True)
class Files:
    """Landed files that no committed batch holds.

    Attributes:
        batch: The one that they are planned for; None where they wait for a plan.
        bytes: As stored.
        oldest: When the oldest of them was last changed; None without any, in a replay and in a rebuild.
        versions: How many versions of a source table they are of; None where files land, and where partitions
            are read.
        undoes: The batch whose files these are, where they are planned to be taken out again.
        rebuilds: The newest batch that is rebuilt, with all before it, where they are planned for that.
    """

    batch: int | None
    files: int
    bytes: int
    oldest: datetime | None
    versions: int | None = None
    undoes: int | None = None
    rebuilds: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """Where a pipeline stands.

    Attributes:
        last_batch: The newest committed one; 0 where there is none.
        last_commit_at: When it was committed; None where that was too long ago to be looked for.
        waiting: What no batch holds yet.
        planned: A batch that the ledger holds and the table does not: under way now, or cut off.
        lag_seconds: How long ago the oldest file that is not taken in yet was last changed; None without any.
        table_version: None where there is no table yet.
        rows: None where there is no table yet, or its log does not count all rows.
        quarantined: Open records in the quarantine, by reason; those of committed batches.
        readers: How the promises to readers stand; empty where there are none, or no table yet.
    """

    pipeline: str
    table: str
    last_batch: int
    last_commit_at: datetime | None
    waiting: Files
    planned: Files | None
    lag_seconds: float | None
    table_version: int | None
    rows: int | None
    files: int
    bytes: int
    quarantined: dict[str, int]
    readers: tuple[Promise, ...]

    def as_dict(self) -> dict[str, Any]:
        """As `penstock status --json` prints it."""
        document = asdict(self)
        del document["waiting"]["batch"], document["waiting"]["undoes"]
        del document["waiting"]["rebuilds"]
        if document["planned"]:
            del document["planned"]["versions"]
        return document


def status(pipeline: Pipeline, *, now: datetime | None = None) -> Status:
    """Looks at landing zone, ledger, table and quarantine; changes nothing.

    Args:
        pipeline: Which one.
        now: What the lag is counted from; the clock unless given.

    Raises:
        StorageError: One of them cannot be read; the landing zone must be there, the others need not.
    """
    uri, name = pipeline.table.uri, pipeline.name
    table = open_table(uri)
    last = last_batch(table, name)
    planned = planned_of(uri, name, last)
    waiting = waiting_of(pipeline)
    lag = lag_seconds(waiting, planned, now or datetime.now(UTC))
    size = size_of(table) if table is not None else None
    return Status(
        pipeline=name,
        table=uri,
        last_batch=last,
        last_commit_at=_committed_at(table, name, last),
        waiting=waiting,
        planned=planned,
        lag_seconds=lag,
        table_version=table.version() if table is not None else None,
        rows=size.rows if size is not None else None,
        files=size.files if size is not None else 0,
        bytes=size.bytes if size is not None else 0,
        quarantined=open_by_reason(uri, name, last),
        readers=_promises(pipeline, table),
    )


def _promises(pipeline: Pipeline, table: Any) -> tuple[Promise, ...]:
    if table is None or not pipeline.readers:
        return ()
    from pipelines.promises.check import promises  # few pipelines promise anything, and this takes 0.2 s

    return promises(pipeline, table.version())


def lag_seconds(waiting: Files, planned: Files | None, now: datetime) -> float | None:
    """The age of the oldest file that is not taken in yet; None without any."""
    oldest = min((one.oldest for one in (planned, waiting) if one is not None and one.oldest), default=None)
    return None if oldest is None else max(0.0, round((now - oldest).total_seconds(), 3))


def waiting_of(pipeline: Pipeline) -> Files:
    """What no batch holds yet; lists the landing zone. Errors as of `status`."""
    uri, name, source = pipeline.table.uri, pipeline.name, pipeline.source
    if source.table is None:
        return _files(waiting_files(uri, name, lambda: list_landing(source.location)), None)
    found = waiting_pieces(source.location, source.read, taken_files(uri, name))
    versions = None if source.read == "partitions" else found["version"].n_unique()
    files = _files(found.with_columns(**TAKES_IN), None)
    return replace(files, versions=versions)


def planned_of(uri: str, name: str, last: int) -> Files | None:
    """The batch after the `last` committed one, where the ledger has it. Errors as of `status`."""
    with translated("read the ledger", uri):
        files = planned_files(uri, name).filter(pl.col("batch") > last).collect()
    if files.is_empty():
        return None
    undoes = files["undoes"].drop_nulls()
    rebuilds = last if files["rebuilds"].count() and not len(undoes) else None
    found = _files(files, last + 1)
    return replace(found, undoes=int(undoes[0]) if len(undoes) else None, rebuilds=rebuilds)


def _files(files: pl.DataFrame, batch: int | None) -> Files:
    # What is replayed or rebuilt was taken in before: nobody waits for it.
    first = files.filter(pl.col("replays").is_null(), pl.col("rebuilds").is_null())
    oldest = first["modified"].min()
    return Files(
        batch, files.height, int(files["size"].sum()), oldest if isinstance(oldest, datetime) else None
    )


def _committed_at(table: Any, name: str, last: int) -> datetime | None:
    if not last:
        return None
    for version in versions_of(table, _LATELY):
        if (version.app_id, version.batch) == (name, last) and version.timestamp_ms is not None:
            return datetime.fromtimestamp(version.timestamp_ms / 1000, UTC)
    return None


def open_by_reason(uri: str, name: str, last: int) -> dict[str, int]:
    """Open records of batches up to `last`, the most frequent reason first. Errors as of `status`."""
    with translated("read the quarantine", quarantine_uri(uri)):
        counts = quarantine_counts(uri, name, by=("reason",), up_to=last)
    totals = counts.sort("records", "reason", descending=True)
    return dict(zip(totals["reason"], totals["records"], strict=True))
