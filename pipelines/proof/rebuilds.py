"""What must hold for batches that rebuild the table; functions as in `checks`."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipelines.proof.committed_counts import CommittedCounts
from pipelines.proof.violation import Violation
from storage.tables.ledger.planned import standing_batches, standing_files

_SAME = ("path", "identity", "size", "rebuilds")


def rebuilds_in(files: pl.DataFrame) -> list[int]:
    """The batches that rebuild the table, sorted.

    Args:
        files: The ledger: `batch`, `undoes`, `rebuilds`.
    """
    rows = files.filter(pl.col("rebuilds").is_not_null(), pl.col("undoes").is_null())
    return rows["batch"].unique().sort().to_list()  # row objects allowed: one number a batch


def stood_for(files: pl.DataFrame) -> set[tuple[int, int]]:
    """Each rebuild with each batch that it stands for; arguments as of `rebuilds_in`."""
    return {(one, batch) for one in rebuilds_in(files) for batch in standing_batches(files, one)}


def check_rebuilds(files: pl.DataFrame) -> Iterator[Violation]:
    """Each rebuild has exactly the files that the batches before it have in the table, in their order.

    Args:
        files: The ledger: `batch`, `file`, `path`, `identity`, `size`, `replays`, `undoes`, `rebuilds`.
    """
    for batch in rebuilds_in(files):
        expected = standing_files(files, batch).select(_SAME)
        planned = files.filter(pl.col("batch") == batch).sort("file").select(_SAME)
        if not planned.equals(expected):
            what = "files in the ledger, as of the batches that it rebuilds, in their order"
            yield Violation(batch, None, what, expected.height, planned.height)


def check_rebuilt_counts(
    batch: int, counts: CommittedCounts, added: int, removed: int
) -> Iterator[Violation]:
    """What the commit of a rebuild says of itself: all before it is gone, and nothing met rows of the table.

    Args:
        added, removed: The rows of the files that this very commit adds to the table, and takes out of it.
    """
    if counts.rebuilds != batch - 1:
        yield Violation(batch, None, "newest batch that the commit rebuilds", batch - 1, str(counts.rebuilds))
    if counts.rows_removed != removed:
        what = "rows that the commit says it removes"
        yield Violation(batch, None, what, removed, str(counts.rows_removed))
    if (merge := counts.merge) is None:
        return
    met = merge.updated + merge.older + merge.existing
    if met:
        yield Violation(batch, None, "rows of a rebuild that met rows of the table", 0, met)
    if merge.inserted != added:
        yield Violation(batch, None, "rows of a rebuild that are inserted", added, merge.inserted)
