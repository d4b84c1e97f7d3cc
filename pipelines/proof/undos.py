"""What must hold for batches that take others out of the table again; functions as in `checks`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from pipelines.proof.log_replay import FileChanges
from pipelines.proof.rebuilds import rebuilds_in, stood_for
from pipelines.proof.violation import Violation
from storage.tables.log.commits import LoggedCommit
from storage.tables.undoing.lineage import Lineage

_NOTHING = FileChanges(frozenset(), frozenset(), 0, 0)
_SAME = ("file", "path", "identity", "size", "replays")


def undone_by(files: pl.DataFrame) -> dict[int, int]:
    """The batch that each undo undoes, by the number of the undo.

    Args:
        files: The ledger: `batch`, `undoes`.
    """
    undos = files.filter(pl.col("undoes").is_not_null()).select("batch", "undoes").unique().sort("undoes")
    return dict(zip(undos["batch"], undos["undoes"], strict=True))


def check_undos(files: pl.DataFrame) -> Iterator[Violation]:
    """Each undo has exactly the files of one earlier batch, which undoes none, and which no other undoes.

    Nor was the table rebuilt since.

    Args:
        files: The ledger: `batch`, `file`, `path`, `identity`, `size`, `replays`, `undoes`, `rebuilds`.
    """
    undos, rebuilds = undone_by(files), rebuilds_in(files)
    for batch, undoes in sorted(undos.items()):
        others = [other for other, its in undos.items() if its == undoes and other < batch]
        others += [other for other in rebuilds if undoes <= other < batch]
        if not 1 <= undoes < batch or undoes in undos or others:
            expected = "an earlier one that undoes none, and that none has undone"
            yield Violation(batch, None, "batch that it undoes", expected, undoes)
        planned = files.filter(pl.col("batch") == batch).sort("file")
        taken_in = files.filter(pl.col("batch") == undoes).sort("file")
        if planned["undoes"].null_count() or not planned.select(_SAME).equals(taken_in.select(_SAME)):
            what = f"files in the ledger, as of batch {undoes}, which it undoes"
            yield Violation(batch, None, what, taken_in.height, planned.height)


def check_undone_markers(files: pl.DataFrame, markers: pl.DataFrame, committed: int) -> Iterator[Violation]:
    """The quarantine marks what the ledger says is undone, or rebuilt, once, and nothing else.

    Args:
        files: The ledger: `batch`, `undoes`, `rebuilds`.
        markers: `by`, `undone`.
        committed: The last batch of the data table; the next one may be an undo that died, or was given up.
    """
    ends = defaultdict[int, set[int]](set)
    for by, undone in (*undone_by(files).items(), *stood_for(files)):
        ends[by].add(undone)
    found = defaultdict[int, list[int]](list)
    for by, undone in zip(markers["by"], markers["undone"], strict=True):
        found[by].append(undone)
    for by in sorted(ends.keys() | found.keys()):
        if by == committed + 1 and (by not in found or by not in ends):
            continue
        if sorted(found[by]) != sorted(ends[by]):
            expected = f"{_batches(ends[by])}, once" if ends[by] else "none"
            yield Violation(
                by, None, "batches marked as undone in the quarantine", expected, _batches(found[by])
            )


def _batches(numbers: Iterable[int]) -> str:
    return ", ".join(f"batch {one}" for one in sorted(numbers)) or "none"


def check_undo(
    batch: int, undoes: int, commit: LoggedCommit, changes: Mapping[int, FileChanges], lineage: Lineage
) -> Iterator[Violation]:
    """The commit takes out what the other batch had added, brings back what that had removed, and no more.

    Compactions in between may have put rows into other files: held against one another are the files that
    these were made of.

    Args:
        changes: What the commits of the batches did.
        lineage: What compactions did before this commit.
    """
    told = commit.ours.get("metadata") or {}
    if told.get("undoes") != undoes:
        yield Violation(batch, None, "batch that the commit undoes", undoes, str(told.get("undoes")))
    mine, other = changes.get(batch, _NOTHING), changes.get(undoes, _NOTHING)
    rows = "rows that it adds to the table, less those that it removes"
    if mine.net_rows() != -other.net_rows():
        yield Violation(batch, None, rows, -other.net_rows(), mine.net_rows())
    before, after = mine.removed | other.removed, mine.added | other.added
    kept = lineage.taken_apart(mine.added) & other.added
    wrong = lineage.taken_apart(before) ^ lineage.taken_apart(after)
    for path in sorted(wrong | kept)[:5]:
        expected = f"as they were but for batch {undoes}"
        yield Violation(
            batch, path, "rows of the data file, which the undo takes out or brings back", expected, "not so"
        )
