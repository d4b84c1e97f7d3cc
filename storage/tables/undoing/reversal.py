"""What it takes to have a batch out of a table again: which files go, and which come back.

A file that the batch added goes, wherever compactions have written its rows to; what these took of other
batches comes back, and so does what the batch itself had removed. All is found in the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from deltalake import DeltaTable

from storage.errors import IrreversibleError
from storage.filesystem import open_filesystem
from storage.layout.data_file import DataFile
from storage.tables.log.commits import LoggedCommit, active_files, read_commits_back
from storage.tables.log.ordered_map import ordered_map
from storage.tables.replacing.replaceable import check_replaceable
from storage.tables.replacing.replacement import ActiveFile, logged, read_actions
from storage.tables.undoing.lineage import Lineage
from storage.tables.undoing.returned_statistics import promised_leaves, returned_statistics

_MARGIN: Final = timedelta(hours=1)
"""A vacuum that has begun may take longer than a moment to remove what it has found."""


@dataclass(frozen=True)
class Reversal:
    """What takes a batch out of a table.

    Attributes:
        removes: Files of the table.
        adds: Files that were in the table once; they are in the store.
        rows: By how many the table gets smaller; negative where the batch had removed more than it added.
        batch: The commit that is reversed.
    """

    removes: tuple[ActiveFile, ...]
    adds: tuple[DataFile, ...]
    rows: int
    batch: LoggedCommit


def reversal_of(uri: str, table: DeltaTable, app_id: str, batch: int, *, keep: timedelta) -> Reversal:
    """What takes `batch` of `app_id` out of `table`, from the log since then; changes nothing.

    Args:
        uri: The table's.
        table: As it is now.
        app_id: Whose batch it is.
        batch: One that is in the table, and that nobody has undone.
        keep: How long the files that leave the table are safe from being vacuumed.

    Raises:
        IrreversibleError: Final. Others have changed its rows since, or files are gone that would have to
            come back; says what to do.
        TableError: Final. The table forbids to take files out.
        StorageError: The log cannot be read.
    """
    return _Reverser(uri, table, app_id, batch, keep).reversal()


class _Reverser:
    """The log of a table from its newest commit back to that of the batch, and what follows from it."""

    def __init__(self, uri: str, table: DeltaTable, app_id: str, batch: int, keep: timedelta) -> None:
        self._uri, self._name, self._keep = uri, f"batch {batch} of {app_id}", keep
        self._table, self._promised = table, promised_leaves(table)
        self._active = frozenset(active_files(table)["path"])
        self._since: list[LoggedCommit] = []  # newest first, the batch last
        self._back = read_commits_back(uri, table.version())
        for commit in self._back:
            self._since.append(commit)
            if (commit.ours.get("app_id"), commit.ours.get("batch")) == (app_id, batch):
                break
        else:
            raise self._refusal(
                "the log does not tell any more what this batch did",
                got=f"no commit of {self._name}",
                next_step="delete the rows by what they hold, such as their `_file`, with a Delta tool",
            )

    def reversal(self) -> Reversal:
        commit, lineage = self._since[-1], Lineage()
        for one in reversed(self._since):
            lineage.apply(one)
        ours = frozenset(commit.added)
        self._check_nobody_went_by(commit)
        holding = lineage.holding(ours)
        removes = holding & self._active
        apart = lineage.taken_apart(removes, within=holding)
        if apart & holding != ours:
            raise self._built_upon(holding)
        comes_back = (apart - ours) | frozenset(commit.removed)
        self._check_fresh(comes_back)
        added = self._as_added(removes | comes_back)
        check_replaceable(self._table, removes, 0, data_change=True)
        rows = commit.rows_added() - sum(_rows(added[path]) for path in commit.removed)
        return Reversal(
            tuple(_active(added[path]) for path in sorted(removes)),
            tuple(self._returned(added[path]) for path in sorted(comes_back)),
            rows,
            commit,
        )

    def _built_upon(self, holding: AbstractSet[str]) -> IrreversibleError:
        """Somebody has changed rows in the files; the newest such commit is the first to be undone."""
        for one in self._since[:-1]:
            if one.changes_rows() and not holding.isdisjoint(one.removed) and not _undoes(one):
                return self._refusal(
                    "rows of the batch were written again since, together with other changes",
                    got=f"version {one.version}, {_called(one)}",
                    next_step=_instead(one),
                )
        return self._refusal(
            "the files of the batch are not in the table any more",
            got="a log that does not tell why",
            next_step="see penstock verify and penstock history",
        )

    def _check_nobody_went_by(self, batch: LoggedCommit) -> None:
        """A later batch that left out records because of rows of this one would have to be taken in again."""
        merge = _told(batch).get("merge") or {}
        comes_back = merge.get("mode") == "replace" and bool(merge.get("replaced"))
        undone = {(one.ours.get("app_id"), _told(one).get("undoes")) for one in self._since}
        for one in self._since[:-1]:
            key = (one.ours.get("app_id"), one.ours.get("batch"))
            if key not in undone and _went_by(_told(one).get("merge") or {}, comes_back=comes_back):
                raise self._refusal(
                    "what a later batch did with its rows depends on those of this batch",
                    got=f"version {one.version}, {_called(one)}",
                    next_step=_instead(one),
                )

    def _check_fresh(self, paths: AbstractSet[str]) -> None:
        """Files that left the table long ago may be vacuumed at any moment, also while they come back."""
        oldest, waiting = datetime.now(UTC) - self._keep + _MARGIN, set(paths)
        for one in self._since:
            out = waiting.intersection(one.removed)
            waiting -= out
            left = datetime.fromtimestamp((one.timestamp_ms or 0) / 1000, UTC)
            if out and left < oldest:
                raise self._refusal(
                    "files would have to come back that left the table long ago, and may be vacuumed soon",
                    got=f"{len(out)} files that version {one.version} removed, {left:%Y-%m-%d %H:%M} UTC",
                    expected=f"files that left after {oldest:%Y-%m-%d %H:%M} UTC",
                    next_step="if they are still there, set table.upkeep.keep to a longer time first; "
                    "else delete the rows by what they hold, such as their `_file`, with a Delta tool",
                )

    def _as_added(self, paths: AbstractSet[str]) -> dict[str, dict[str, Any]]:
        """The actions that added `paths`, each as it was; looked for in the log, from its end."""
        wanted, found = set(paths), dict[str, dict[str, Any]]()
        versions = list[int]()
        for one in self._since:
            versions += [one.version] if wanted & one.added.keys() else []
            wanted -= one.added.keys()
        while wanted and (older := next(self._back, None)):
            versions += [older.version] if wanted & older.added.keys() else []
            wanted -= older.added.keys()
        for actions in ordered_map(lambda version: read_actions(self._uri, version), versions):
            found.update({one["add"]["path"]: one["add"] for one in actions if "add" in one})
        if wanted or any(logged(unquote(path)) != path for path in paths):
            raise self._refusal(
                "files would have to come back of which the log does not tell enough",
                got=f"{sorted(wanted or paths)[0]}",
                next_step="delete the rows by what they hold, such as their `_file`, with a Delta tool",
            )
        return found

    def _returned(self, add: dict[str, Any]) -> DataFile:
        path, size = unquote(add["path"]), int(add["size"])
        filesystem, root = open_filesystem(self._uri)
        where = f"{root}/{path}"
        there = filesystem.size(where) if filesystem.exists(where) else None
        if there != size:
            raise self._refusal(
                "a file that would have to come back is not there any more",
                got=f"{path}, {'gone' if there is None else f'{there:,} bytes'}",
                expected=f"{size:,} bytes, as when it left the table",
                next_step="its history was vacuumed: put the file back from a copy of the store, or delete "
                "the rows by what they hold, such as their `_file`, with a Delta tool",
            )
        stats = returned_statistics(add.get("stats") or "{}", self._promised)
        return DataFile(path, size, _rows(add), add["partitionValues"], stats, int(add["modificationTime"]))

    def _refusal(
        self, what: str, *, got: str, next_step: str, expected: str | None = None
    ) -> IrreversibleError:
        return IrreversibleError(
            f"the batch cannot be undone: {what}",
            where=f"{self._uri}, {self._name}",
            got=got,
            expected=expected,
            next_step=next_step,
        )


def _told(commit: LoggedCommit) -> Mapping[str, Any]:
    return commit.ours.get("metadata") or {}


def _went_by(merge: Mapping[str, Any], *, comes_back: bool) -> bool:
    """Whether a merge left out rows because of others, or added some with keys that may come back."""
    if merge.get("older") or merge.get("existing"):
        return True
    return bool(comes_back and merge.get("mode") != "replace" and merge.get("inserted"))


def _undoes(commit: LoggedCommit) -> bool:
    return "undoes" in _told(commit)


def _called(commit: LoggedCommit) -> str:
    batch = commit.ours.get("batch")
    if batch is not None:
        return f"batch {batch} of {commit.ours.get('app_id')}"
    return "the columns of the table were changed" if commit.evolves else f"a {commit.operation}"


def _instead(commit: LoggedCommit) -> str:
    batch, delete = commit.ours.get("batch"), "the rows by what they hold, such as their `_file`"
    if batch is not None:
        app = commit.ours.get("app_id")
        return f"undo batch {batch} of {app} first: penstock undo PIPELINE --batch {batch}"
    if commit.evolves:
        return f"delete {delete}, with a Delta tool"
    return f"restore version {commit.version - 1} with the tool that made that one, or delete {delete}"


def _rows(add: dict[str, Any]) -> int:
    rows = json.loads(add.get("stats") or "{}").get("numRecords")  # row objects allowed: one a file
    return int(rows or 0)


def _active(add: dict[str, Any]) -> ActiveFile:
    return ActiveFile(add["path"], int(add["size"]), add["partitionValues"])
