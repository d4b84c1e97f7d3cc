"""What must hold for batches that take others out of the table again; functions as in `checks`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from pipelines.proof.log_replay import FileChanges
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

    Args:
        files: The ledger: `batch`, `file`, `path`, `identity`, `size`, `replays`, `undoes`.
    """
    undos = undone_by(files)
    for batch, undoes in sorted(undos.items()):
        others = [other for other, its in undos.items() if its == undoes and other < batch]
        if not 1 <= undoes < batch or undoes in undos or others:
            expected = "an earlier one that undoes none, and that none has undone"
            yield Violation(batch, None, "batch that it undoes", expected, undoes)
        planned = files.filter(pl.col("batch") == batch).sort("file")
        taken_in = files.filter(pl.col("batch") == undoes).sort("file")
        if planned["undoes"].null_count() or not planned.select(_SAME).equals(taken_in.select(_SAME)):
            what = f"files in the ledger, as of batch {undoes}, which it undoes"
            yield Violation(batch, None, what, taken_in.height, planned.height)


def check_undone_markers(files: pl.DataFrame, markers: pl.DataFrame, committed: int) -> Iterator[Violation]:
    """The quarantine marks what the ledger says is undone, once, and nothing else.

    Args:
        files: The ledger: `batch`, `undoes`.
        markers: `by`, `undone`.
        committed: The last batch of the data table; the next one may be an undo that died, or was given up.
    """
    undos = undone_by(files)
    found = dict(zip(markers["by"], markers["undone"], strict=True))
    for by in sorted(undos.keys() | found.keys()):
        times = markers.filter(pl.col("by") == by).height
        if by == committed + 1 and (not times or by not in undos):
            continue
        if times != 1 or found[by] != undos.get(by):
            said = ", ".join(f"batch {one}" for one in markers.filter(pl.col("by") == by)["undone"]) or "none"
            expected = f"batch {undos[by]}, once" if by in undos else "none"
            yield Violation(by, None, "batches marked as undone in the quarantine", expected, said)


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
