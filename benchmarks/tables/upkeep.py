"""Compacts a table as `penstock maintain` does, at once: nothing is too new for it."""

from __future__ import annotations

import time

from config.settings import Settings
from config.table import Table
from storage.layout.file_layout import FileLayout
from storage.maintenance.tending import Wanted, tend


def compact(table: Table) -> bool:
    """Makes large files of the small ones of each partition, and a checkpoint; whether that was done."""
    wanted = Wanted(table.uri, FileLayout.of(table), table.upkeep)
    settled_ms = time.time_ns() // 1_000_000 + int(table.upkeep.settled.total_seconds() * 1000) + 1
    memory = Settings.from_environment({}).memory_bytes
    tended = list(tend(wanted, ("compact", "checkpoint"), asked=True, now_ms=settled_ms, memory_bytes=memory))
    return tended[0].state == "done"
