"""What must hold for batches that take records out of the quarantine; functions as in `checks`."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipelines.proof.committed_counts import CommittedCounts
from pipelines.proof.violation import Violation

_FILE = ["replays", "path"]


def check_sources(files: pl.DataFrame) -> Iterator[Violation]:
    """Each file of which records are replayed was taken in by the batch, an earlier one, that refused them.

    Args:
        files: The ledger: `batch`, `path`, `replays`.
    """
    landed = files.filter(pl.col("replays").is_null()).select("path", replays="batch")
    replayed = files.filter(pl.col("replays").is_not_null())
    unknown = replayed.join(landed, on=_FILE, how="anti")
    later = replayed.filter(pl.col("replays") >= pl.col("batch"))
    wrong = pl.concat([unknown, later]).select("batch", "path", "replays").unique().sort("batch", "path")
    # row objects allowed: one a violation
    for batch, path, replays in wrong.iter_rows():
        yield Violation(
            batch, path, "batch that refused the records", "an earlier one with the file", replays
        )


def check_markers(
    batch: int, counts: CommittedCounts, files: pl.DataFrame, markers: pl.DataFrame
) -> Iterator[Violation]:
    """The batch marks as many records of each file as it read and did not refuse again.

    Args:
        files: What the ledger has of the batch: `file`, `path`, `replays`.
        markers: Those of the batch: `replays`, `path`, `records`.
    """
    said = _taken(counts, files)
    both = said.join(markers, on=_FILE, how="full", coalesce=True, nulls_equal=True)
    both = both.with_columns(pl.col("taken", "records").fill_null(0)).sort(_FILE)
    differing = both.filter(pl.col("taken") != pl.col("records")).select(
        "path", "replays", "taken", "records"
    )
    # row objects allowed: one a violation
    for path, replays, taken, records in differing.iter_rows():
        what = f"records marked as taken in, of those that batch {replays} refused"
        yield Violation(batch, path, what, taken, records)


def _taken(counts: CommittedCounts, files: pl.DataFrame) -> pl.DataFrame:
    """`replays`, `path` and `taken`, for the files that have counts."""
    by_file, replayed = counts.by_file(), files.sort("file").filter(pl.col("replays").is_not_null())
    read, again = (pl.Series(by_file[name], dtype=pl.Int64) for name in ("read", "quarantined"))
    if not len(read) == len(again) == replayed.height:
        return replayed.select(*_FILE, taken=pl.lit(0, pl.Int64)).clear()
    return replayed.select(*_FILE, taken=read - again)


def check_marked(refused_by: int, wrong: pl.DataFrame, newest: int) -> Iterator[Violation]:
    """Each marker is about a record that was refused, and no record has two.

    Args:
        refused_by: The batch that the markers name.
        wrong: `by`, `path`, `strays`, `repeats`.
        newest: The last batch that may be there; a marker of an attempt that died counts too.
    """
    # row objects allowed: one a violation
    for by, path, strays, repeats in wrong.filter(pl.col("by") <= newest).iter_rows():
        if strays:
            what = f"records marked as taken in that batch {refused_by} has not refused"
            yield Violation(by, path, what, 0, strays)
        if repeats:
            yield Violation(by, path, f"records of batch {refused_by} taken in twice", 0, repeats)
