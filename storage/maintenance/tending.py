"""One table and what is to be done for it: decides, does it, and says what and why."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from deltalake import DeltaTable

from config.table import Upkeep
from config.units import format_duration
from storage.errors import TableSchemaError
from storage.layout.file_layout import FileLayout
from storage.maintenance.checkpoints import (
    checkpoint,
    expire_log,
    read_log,
    remove_checkpoints,
    superfluous,
)
from storage.maintenance.compaction import compact, reachable
from storage.maintenance.due import Due, Rules, due
from storage.maintenance.files import check_compactable, files_of, read_alike
from storage.maintenance.lifted_statistics import lift_statistics
from storage.maintenance.unneeded import unneeded
from storage.maintenance.vacuum import vacuum
from storage.tables.delta import open_table

_log = logging.getLogger(__name__)

Task = Literal["compact", "vacuum", "checkpoint"]
TASKS: Final[tuple[Task, ...]] = get_args(Task)


_NO_FILES: Final = dict.fromkeys(
    ("files_removed", "files_added", "bytes_removed", "bytes_added", "rows", "commits", "left_to_others"), 0
)


@dataclass(frozen=True)
class Tended:
    """What became of one task.

    Attributes:
        state: `done`; `nothing`, as nothing is due; `refused`, as it cannot be done.
        why: One sentence.
        counts: What was done, in numbers; empty where nothing was.
    """

    uri: str
    task: Task
    state: Literal["done", "nothing", "refused"]
    why: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """A table, and how it is to be looked after.

    Attributes:
        layout: Of its files; None where nobody knows, so that they are left as they are.
        always_written: Whether every batch writes to all of its partitions (`Rules.by_file`).
    """

    uri: str
    layout: FileLayout | None
    upkeep: Upkeep
    always_written: bool = False


def tend(
    wanted: Wanted, tasks: Collection[Task], *, asked: bool, now_ms: int, memory_bytes: int
) -> Iterator[Tended]:
    """Does what is due for a table, task by task; nothing where there is no table.

    Lazy: each task is done when its outcome is asked for. One that fails ends the rest.

    Args:
        tasks: What to look at.
        asked: Whether it is to be done although little has come together.
        now_ms: Milliseconds since 1970-01-01 UTC.
        memory_bytes: The budget of this process.

    Raises:
        StorageError: Reading or writing failed, see `retryable`. What was done before, is.
    """
    table = open_table(wanted.uri)
    if table is None:
        return
    if "compact" in tasks:
        yield _compact(wanted, table, asked, now_ms, memory_bytes)
    if "vacuum" in tasks:
        yield _vacuum(wanted, now_ms)
    if "checkpoint" in tasks:
        yield _checkpoint(wanted, asked, now_ms)


def _compact(wanted: Wanted, table: DeltaTable, asked: bool, now_ms: int, memory_bytes: int) -> Tended:
    if wanted.layout is None:
        why = "the order of its rows is not known: name the pipeline in place of the table"
        return Tended(wanted.uri, "compact", "refused", why)
    try:
        check_compactable(table)
    except TableSchemaError as error:
        return Tended(wanted.uri, "compact", "refused", f"{error.what}: {error.got}")
    upkeep = wanted.upkeep
    by_file = wanted.always_written or not table.metadata().partition_columns
    layout = reachable(wanted.layout, memory_bytes)
    rules = Rules(layout.file_size, upkeep.min_files, upkeep.settled, by_file, eager=asked)
    found = due(read_alike(files_of(table)), rules, now_ms)
    if found.files.is_empty():
        lifted = {"columns_told_again": len(_lifted(wanted, table))}
        if not lifted["columns_told_again"]:
            return Tended(wanted.uri, "compact", "nothing", _not_due(found, rules))
        why = "all files have statistics of more columns than the table said"
        return Tended(wanted.uri, "compact", "done", why, {**_NO_FILES, **lifted})
    done = compact(wanted.uri, table, found.files, layout, memory_bytes)
    counts = {
        "files_removed": done.files_removed,
        "files_added": done.files_added,
        "bytes_removed": done.bytes_removed,
        "bytes_added": done.bytes_added,
        "rows": done.rows,
        "commits": done.units,
        "left_to_others": done.stale,
        "columns_told_again": len(_lifted(wanted, table)),
    }
    have = "has" if found.partitions == 1 else "have"
    why = f"{_counted(found.partitions)} {have} {rules.enough} small files or more, and settled"
    return Tended(wanted.uri, "compact", "done", why, counts)


def _lifted(wanted: Wanted, table: DeltaTable) -> list[str]:
    """Where the layout leaves columns without bounds, the table says so, and is right."""
    named = wanted.layout is not None and wanted.layout.statistics is not None
    return [] if named else lift_statistics(wanted.uri, table)


def _not_due(found: Due, rules: Rules) -> str:
    if found.unsettled:
        will = "will be due once it has" if found.unsettled == 1 else "will be due once they have"
        settled = f"settled for {format_duration(rules.settled)} (table.upkeep.settled)"
        return f"{_counted(found.unsettled)} {will} {settled}"
    if not found.small:
        return "no small files"
    small = "1 small file" if found.small == 1 else f"{found.small:,} small files"
    settled = f"at most {found.most} settled in one partition"
    return f"{small}, {settled}; {rules.enough} are worth being made one (table.upkeep.min_files)"


def _counted(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions:,} partitions"


def _vacuum(wanted: Wanted, now_ms: int) -> Tended:
    keep = format_duration(wanted.upkeep.keep)
    found = unneeded(wanted.uri, wanted.upkeep.keep, now_ms)
    if found.files.is_empty():
        why = f"no file has left the table more than {keep} ago (table.upkeep.keep); {found.spared} are kept"
        return Tended(wanted.uri, "vacuum", "nothing", why)
    done = vacuum(wanted.uri, found)
    counts = {"files": done.files, "bytes": done.bytes, "failed": done.failed, "kept": found.spared}
    why = f"files that left the table more than {keep} ago, or that no batch ever committed"
    return Tended(wanted.uri, "vacuum", "done", why, counts)


def _checkpoint(wanted: Wanted, asked: bool, now_ms: int) -> Tended:
    table = open_table(wanted.uri)
    if table is None:
        return Tended(wanted.uri, "checkpoint", "nothing", "the table has gone")
    log = read_log(wanted.uri, table)
    counts = {}
    makes = log.since > 0 if asked else log.is_due
    if makes:
        checkpoint(wanted.uri, table)
        counts["checkpoint"] = log.version
    old = superfluous(log, wanted.upkeep.keep, now_ms)
    if old.height:
        remove_checkpoints(wanted.uri, old)
        counts["old_checkpoints"] = old.height
    if expired := expire_log(wanted.uri, table):
        counts["expired"] = expired
    commits = "1 commit" if log.since == 1 else f"{log.since:,} commits"
    why = f"{commits} since the last one, of {log.interval:,} (delta.checkpointInterval)"
    return Tended(wanted.uri, "checkpoint", "done" if counts else "nothing", why, counts)
