"""What must hold for batches that replace rows, or leave some out; functions as in `checks`."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.proof.committed_counts import CommittedCounts, CommittedMerge
from pipelines.proof.violation import Violation


def check_rows(batch: int, counts: CommittedCounts, added: int, removed: int) -> Iterator[Violation]:
    """What comes out of the last step is in the table, or accounted for; and so is what left the table.

    Args:
        added, removed: The rows of the files that this very commit adds to the table, and takes out of it.
    """
    out, merge = list(counts.steps.values())[-1], counts.merge
    if merge is None:
        yield from _appended(batch, counts, out, added, removed)
        return
    if out != merge.staged + counts.unstorable:
        told = f"{merge.staged:,} merged + {counts.unstorable:,} unstorable"
        yield Violation(batch, None, "rows out of the last step", told, out)
    if counts.rows != merge.written:
        yield Violation(batch, None, "rows that the commit says it writes", merge.written, counts.rows)
    if added - removed != merge.growth:
        told = f"{merge.written:,} written, {merge.replaced:,} replaced"
        found = f"{added:,} added, {removed:,} removed"
        yield Violation(batch, None, "rows that the table grows by", told, found)
    if counts.rebuilds is None:
        yield from _fits_mode(batch, merge, added, removed)


def _appended(batch: int, counts: CommittedCounts, out: int, added: int, removed: int) -> Iterator[Violation]:
    if out != added + counts.unstorable:
        told = f"{added:,} added to the table + {counts.unstorable:,} unstorable"
        yield Violation(batch, None, "rows out of the last step", told, out)
    if counts.rows != added:
        yield Violation(batch, None, "rows that the commit says it adds", added, counts.rows)
    if removed and counts.rebuilds is None:
        yield Violation(batch, None, "rows that the commit removes", 0, removed)


def _fits_mode(batch: int, merge: CommittedMerge, added: int, removed: int) -> Iterator[Violation]:
    """Each mode does some things, and never others."""
    never: dict[str, dict[str, int]] = {
        "upsert": {"left out as existing": merge.existing},
        "insert_new": {
            "updated": merge.updated,
            "replaced": merge.replaced,
            "left out as older": merge.older,
            "removed": removed,
        },
        "replace": {
            "updated": merge.updated,
            "left out": merge.superseded + merge.older + merge.existing,
            "rewritten": abs(added - merge.inserted) + abs(removed - merge.replaced),
        },
    }
    for what, rows in never[merge.mode].items():
        if rows:
            yield Violation(batch, None, f"rows {what} by {merge.mode}", 0, rows)
    if merge.updated > merge.replaced:
        yield Violation(batch, None, "rows replaced", f"at least {merge.updated:,} updated", merge.replaced)
