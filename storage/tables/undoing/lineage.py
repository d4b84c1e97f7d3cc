"""Which data files hold the rows of which others: compaction writes rows again, and changes none.

A file never changes, so what holds for its path holds for good. Within a commit that changes no rows, the new
files of a partition hold together what the removed ones of that partition held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from storage.tables.log.commits import LoggedCommit


@dataclass(frozen=True, slots=True)
class Rearrangement:
    """Files that were written again together: `made` hold the rows of `taken`, and no others."""

    made: frozenset[str]
    taken: frozenset[str]


class Lineage:
    """Takes the commits of a table in their order, and remembers those that change no rows."""

    def __init__(self) -> None:
        self._made: dict[str, Rearrangement] = {}
        self._all: list[Rearrangement] = []

    def apply(self, commit: LoggedCommit) -> None:
        """Takes one commit; one that changes rows is nothing to remember."""
        if commit.changes_rows() or not commit.added or not commit.removed:
            return
        for one in _by_partition(commit):
            self._all.append(one)
            self._made.update(dict.fromkeys(one.made, one))

    def holding(self, paths: Iterable[str]) -> frozenset[str]:
        """`paths`, and all files that rows of theirs were written to again."""
        found = set(paths)
        for one in self._all:
            if not one.taken.isdisjoint(found):
                found |= one.made
        return frozenset(found)

    def taken_apart(self, paths: Iterable[str], within: frozenset[str] | None = None) -> frozenset[str]:
        """`paths` with the files that compactions took in place of those that they made, as far as it goes.

        Args:
            paths: What to begin with. What a compaction made is taken apart where all of it is there.
            within: Only files among these are taken apart; None for no such limit.
        """
        found, waiting = set(paths), list(paths)
        while waiting:
            path = waiting.pop()
            one = self._made.get(path)
            if one is not None and path in found and one.made <= found and (within is None or path in within):
                found -= one.made
                found |= one.taken
                waiting += one.taken
        return frozenset(found)


def _by_partition(commit: LoggedCommit) -> Iterable[Rearrangement]:
    """One for each partition; one alone where the log does not tell of every file which it belongs to."""
    partitions = set(commit.rearranged.values())
    made, taken = defaultdict[object, set[str]](set), defaultdict[object, set[str]](set)
    for path, partition in commit.rearranged.items():
        side = made if path in commit.added else taken
        side[None if None in partitions else partition].add(path)
    return [Rearrangement(frozenset(made[one]), frozenset(taken[one])) for one in made]
