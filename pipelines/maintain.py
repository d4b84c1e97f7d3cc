"""Looks after a table, its ledger and its quarantine: what is due, is done, and said."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import Final

from config.pipeline import Pipeline
from config.settings import Settings
from config.table import Upkeep
from storage.layout.file_layout import FileLayout
from storage.maintenance.tending import TASKS, Task, Tended, Wanted, tend
from storage.tables.ledger.planned import ledger_uri
from storage.tables.log.versions import open_version
from storage.tables.quarantine.records import quarantine_uri

_LEDGER: Final = FileLayout(sort_by=("batch", "file"))
_QUARANTINE: Final = FileLayout(sort_by=("batch", "path", "record"), row_group_rows=8192)


def maintain(
    target: Pipeline | str,
    settings: Settings,
    tasks: Collection[Task] = (),
    *,
    now_ms: int | None = None,
) -> Iterator[Tended]:
    """Does what is due for the table of a pipeline, its ledger and its quarantine, those that are there.

    Lazy: each task is done when its outcome is asked for. Safe beside runs of the pipeline and beside another
    maintenance; killed at any moment it leaves nothing but files that the next vacuum finds.

    Args:
        target: A pipeline, or the URI of a table, which cannot be compacted then.
        tasks: Those that are to be done even where little has come together; none for all that is due.
        now_ms: The moment that counts as now, milliseconds since 1970-01-01 UTC.

    Raises:
        NotFoundError: There is no table at the URI. That of a pipeline may be yet to come.
        StorageError: Reading or writing failed, see `retryable`. What was done before, is.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    for wanted in _tables(target):
        yield from tend(
            wanted,
            tasks or TASKS,
            asked=bool(tasks),
            now_ms=now,
            memory_bytes=settings.memory_bytes,
        )


def _tables(target: Pipeline | str) -> Iterator[Wanted]:
    if isinstance(target, str):
        open_version(target)
        uri, upkeep, layout = target.rstrip("/"), Upkeep(), None
    else:
        uri, upkeep, layout = target.table.uri, target.table.upkeep, FileLayout.of(target.table)
    yield Wanted(uri, layout, upkeep)
    yield Wanted(ledger_uri(uri), _LEDGER, upkeep, always_written=True)
    yield Wanted(quarantine_uri(uri), _QUARANTINE, upkeep, always_written=True)
