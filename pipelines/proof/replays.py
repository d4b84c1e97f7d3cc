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
        files: The ledger: `batch`, `path`, `replays`, `undoes`.
    """
    files = files.filter(pl.col("undoes").is_null())
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
    """The batch marks as many records of each file as it read and did not refuse again, and the very ones.

    Args:
        files: What the ledger has of the batch: `file`, `path`, `replays`.
        markers: Those of the batch: `replays`, `path`, `records`, `numbers`.
    """
    both = _taken(counts, files).join(markers, on=_FILE, how="full", coalesce=True, nulls_equal=True)
    sums = ["taken", "records", "sum", "numbers"]
    both = both.with_columns(pl.col(sums).fill_null(0)).sort(_FILE).select(*_FILE, *sums)
    # row objects allowed: one a file that is replayed
    for replays, path, taken, records, expected, numbers in both.iter_rows():
        of = f"of those that batch {replays} refused"
        if taken != records:
            yield Violation(batch, path, f"records marked as taken in, {of}", taken, records)
        elif expected != numbers:
            yield Violation(batch, path, f"sum of the numbers of records taken in, {of}", expected, numbers)


def _taken(counts: CommittedCounts, files: pl.DataFrame) -> pl.DataFrame:
    """`replays`, `path`, `taken` and `sum`, for the files that have counts."""
    of, replayed = counts.files, files.sort("file").filter(pl.col("replays").is_not_null())
    read, again, numbers = (pl.Series(one, dtype=pl.Int64) for one in (of.read, of.quarantined, of.numbers))
    if not len(read) == len(again) == len(numbers) == replayed.height:
        nothing = pl.lit(0, pl.Int64)
        return replayed.select(*_FILE, taken=nothing, sum=nothing).clear()
    return replayed.select(*_FILE, taken=read - again, sum=numbers)


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
