"""Whose rows each file of a table holds: told from its log, commit by commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from storage.tables.log.commits import LoggedCommit, read_commits
from storage.tables.replacing.partition_keys import Partition

OTHERS = "another program"
"""The owner of rows that no pipeline wrote, or of which the log does not tell any more."""
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Meddling:
    """A commit of somebody else that changed rows of an owner.

    who: a pipeline, or `OTHERS`.
    """

    version: int
    operation: str
    who: str


class Owners:
    """Takes the commits of a table in their order.

    A batch owns the rows of the files that it adds; where it wrote rows of other files again, as a merge
    does, their owners share the file. What is compacted keeps its owners. An undo brings files back.

    Attributes:
        meddled: For each owner, the first commit of somebody else that took out a file with rows of it for
            good; none since its rows were rebuilt.
    """

    def __init__(self) -> None:
        self._of: dict[str, frozenset[str]] = {}
        self.meddled: dict[str, Meddling] = {}

    def of(self, path: str) -> frozenset[str]:
        """The owners of a file, by its path as the log has it."""
        return self._of.get(path, frozenset({OTHERS}))

    def apply(self, commit: LoggedCommit) -> None:
        """Takes one commit."""
        if not commit.added and not commit.removed:
            return
        app = str(commit.ours["app_id"]) if "batch" in commit.ours else None
        told = commit.ours.get("metadata") or {}
        if app is None and (commit.evolves or not commit.changes_rows()):
            self._rearrange(commit)
        elif "undoes" not in told:
            self._change(commit, app or OTHERS, merges=app is None or _rewrites(told))
            if app is not None and "rebuilds" in told:
                self.meddled.pop(app, None)

    def _rearrange(self, commit: LoggedCommit) -> None:
        for made, taken in _by_partition(commit):
            self._of.update(dict.fromkeys(made, self._owners(taken)))

    def _change(self, commit: LoggedCommit, who: str, *, merges: bool) -> None:
        before = self._owners(commit.removed)
        for owner in before - {who}:
            self.meddled.setdefault(owner, Meddling(commit.version, commit.operation, who))
        after = (before if merges else _NOBODY) | {who}
        self._of.update(dict.fromkeys(commit.added, after))

    def _owners(self, paths: Iterable[str]) -> frozenset[str]:
        return _NOBODY.union(*map(self.of, paths))


class OwnersOf:
    """The owners of the files of the table at `uri`, at one version after the other."""

    def __init__(self, uri: str) -> None:
        self._uri, self._next, self._owners = uri, 0, Owners()

    def at(self, version: int) -> Owners:
        """As of `version`, which is none before the last one asked for; reads the commits since then.

        Raises:
            StorageError: The log cannot be read.
        """
        for commit in read_commits(self._uri, version, self._next):
            self._owners.apply(commit)
        self._next = version + 1
        return self._owners


def _rewrites(told: dict[str, object]) -> bool:
    """Whether a batch may have written rows of others again, beside its own."""
    merge = told.get("merge")
    return "rebuilds" not in told and isinstance(merge, dict) and merge.get("mode") != "replace"


def _by_partition(commit: LoggedCommit) -> Iterator[tuple[list[str], list[str]]]:
    """The files that were made, and those they were made of; all together where the log does not tell."""
    partitions = set(commit.rearranged.values())
    if len(commit.rearranged) < len(commit.added) + len(commit.removed) or None in partitions:
        yield list(commit.added), list(commit.removed)
        return
    made, taken = (
        defaultdict[Partition | None, list[str]](list),
        defaultdict[Partition | None, list[str]](list),
    )
    for path, partition in commit.rearranged.items():
        (made if path in commit.added else taken)[partition].append(path)
    for partition in made:
        yield made[partition], taken[partition]
