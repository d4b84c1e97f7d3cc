"""What must hold for the tables of a pipeline, as functions from counts to violations; they read nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from pipelines.proof.committed_counts import CommittedCounts
from pipelines.proof.merges import check_rows
from pipelines.proof.violation import Violation
from pipelines.written_batch import ACCEPTED


def check_ledger(files: pl.DataFrame, newest: int) -> Iterator[Violation]:
    """Every batch is planned, completely, and no file twice; at most one batch goes beyond the data table.

    A file may be planned again once its batch was undone. What rebuilds have is for `check_rebuilds`.

    Args:
        files: The ledger: `batch`, `file`, `path`, `identity`, `undoes`, `rebuilds`.
        newest: The last batch of the data table.
    """
    planned = set(files["batch"].unique())
    for batch in sorted(set(range(1, newest + 1)) - planned):
        yield Violation(batch, None, "files in the ledger", "at least one", "none")
    for batch in sorted(batch for batch in planned if not 1 <= batch <= newest + 1):
        yield Violation(batch, None, "batches in the ledger", f"1 to {newest + 1}", batch)
    yield from _positions(files)
    yield from _planned_twice(files)


def _positions(files: pl.DataFrame) -> Iterator[Violation]:
    position = pl.col("file")
    batches = files.group_by("batch").agg(
        pl.len().alias("files"), position.n_unique().alias("places"), position.min().alias("first"),
        position.max().alias("last"),
    )  # fmt: skip
    past = pl.col("last") + 1
    broken = batches.filter((pl.col("first") != 0) | (past != pl.col("places")) | (past != pl.col("files")))
    # row objects allowed: one a violation
    for batch, count, places, first, last in broken.sort("batch").iter_rows():
        found = f"{count} files at {places} of the positions {first} to {last}"
        yield Violation(batch, None, "positions in the ledger", "one file at each, from 0", found)


def _planned_twice(files: pl.DataFrame) -> Iterator[Violation]:
    by, taken = ["path", "identity"], pl.when(pl.col("undoes").is_null()).then(1).otherwise(-1)
    several = (
        files.filter(pl.col("rebuilds").is_null())
        .filter(pl.len().over(by) > 1)
        .sort("batch", maintain_order=True)
    )
    times = several.with_columns(times=taken.cum_sum().over(by)).group_by(by).agg(
        pl.max("times"), pl.max("batch")
    )  # fmt: skip
    wrong = times.filter(pl.col("times") > 1).select(*by, "times", "batch").sort("batch", "path")
    # row objects allowed: one a violation
    for path, identity, count, batch in wrong.iter_rows():
        yield Violation(batch, path, f"times that version {identity} is in the ledger", 1, count)


def check_commit_numbers(times: Mapping[int, int], committed: int) -> Iterator[Violation]:
    """Each batch has exactly one commit.

    Args:
        times: How often the log of the data table holds each batch.
        committed: The last batch of the data table.
    """
    for batch in sorted({*range(1, committed + 1), *times}):
        expected = 1 if 1 <= batch <= committed else 0
        if times.get(batch, 0) != expected:
            yield Violation(batch, None, "commits in the data table", expected, times.get(batch, 0))


def check_counts(
    batch: int, counts: CommittedCounts, files: pl.DataFrame, rows_added: int, rows_removed: int = 0
) -> Iterator[Violation]:
    """The counts of a commit add up: over each file, into the first step, and out of the last one.

    Args:
        files: What the ledger has of the batch: `file`, `path`.
        rows_added: The rows of the files that this very commit adds to the table.
        rows_removed: Of those that it takes out.
    """
    yield from _files(batch, counts, files)
    accepted = counts.accepted()
    if ACCEPTED not in counts.steps:
        yield Violation(batch, None, "counts of the steps", f"{ACCEPTED} and all others", str(counts.steps))
        return
    into = counts.steps[ACCEPTED]
    if into != accepted:
        yield Violation(batch, None, "rows into the first step, as accepted of all files", accepted, into)
    yield from check_rows(batch, counts, rows_added, rows_removed)


def _files(batch: int, counts: CommittedCounts, files: pl.DataFrame) -> Iterator[Violation]:
    for name, values in counts.by_file().items():
        if len(values) != files.height:
            yield Violation(batch, None, f"files with a count of records {name}", files.height, len(values))
            return
    accounted = pl.sum_horizontal("quarantined", "dropped", "duplicates")
    frame = pl.DataFrame(counts.by_file()).with_columns(accounted=accounted, path=files.sort("file")["path"])
    more = frame.filter(pl.col("accounted") > pl.col("read"))
    # row objects allowed: one a violation
    for path, read, found in more.select("path", "read", "accounted").iter_rows():
        expected = f"at most the {read:,} that were read"
        yield Violation(batch, path, "records quarantined, dropped or duplicate", expected, found)


def check_quarantine(
    batch: int, counts: CommittedCounts, files: pl.DataFrame, refused: pl.DataFrame
) -> Iterator[Violation]:
    """The quarantine holds as many records of each file as the commit says, and as many rows of no file.

    Args:
        files: What the ledger has of the batch: `file`, `path`.
        refused: The rows of the quarantine for this batch: `path`, `records`.
    """
    said = _said(counts, files, "quarantined").select("path", pl.col("quarantined").alias("said"))
    unstorable = pl.DataFrame({"path": [None], "said": [counts.unstorable]}, schema=said.schema)
    both = pl.concat([said, unstorable]).group_by("path").sum()
    both = both.join(refused, on="path", how="full", coalesce=True, nulls_equal=True)
    both = both.with_columns(pl.col("said", "records").fill_null(0)).sort("path")
    # row objects allowed: one a violation
    for path, expected, found in both.filter(pl.col("said") != pl.col("records")).iter_rows():
        what = "rows in the quarantine" if path else "unstorable rows in the quarantine"
        yield Violation(batch, path, what, expected, found)


def check_recount(
    batch: int, counts: CommittedCounts, files: pl.DataFrame, recounted: pl.DataFrame
) -> Iterator[Violation]:
    """The files that are still there hold as many records as were read of them.

    Args:
        files: What the ledger has of the batch: `file`, `path`.
        recounted: `file`, `records`.
    """
    both = _said(counts, files, "read").join(recounted, on="file").filter(pl.col("read") != pl.col("records"))
    # row objects allowed: one a violation
    for path, read, records in both.sort("file").select("path", "read", "records").iter_rows():
        yield Violation(batch, path, "records read, as counted again in the landing zone", records, read)


def _said(counts: CommittedCounts, files: pl.DataFrame, name: str) -> pl.DataFrame:
    """`file`, `path` and one of the counts, for the files that have one."""
    values = pl.DataFrame({name: counts.by_file()[name]}, schema={name: pl.Int64})
    return (
        values.with_row_index("file").cast({"file": pl.Int32}).join(files.select("file", "path"), on="file")
    )


def check_refused_early(refused: pl.DataFrame, newest: int) -> Iterator[Violation]:
    """Nothing is quarantined for a batch that nobody can be at.

    Args:
        refused: The quarantine: `batch`, `records`.
        newest: The last batch of the data table.
    """
    beyond = (
        refused.filter(~pl.col("batch").is_between(1, newest + 1)).group_by("batch").agg(pl.sum("records"))
    )
    # row objects allowed: one a violation
    for batch, records in beyond.sort("batch").iter_rows():
        yield Violation(batch, None, "rows in the quarantine of a batch that was never begun", 0, records)
