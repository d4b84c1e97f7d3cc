"""Whether as many rows were read of each file of a source table as the log of that table had told."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipelines.proof.committed_counts import CommittedCounts
from pipelines.proof.violation import Violation
from storage.tables.feed.pieces import pieces_of


def check_source_rows(batch: int, counts: CommittedCounts, files: pl.DataFrame) -> Iterator[Violation]:
    """All rows of a file were read, except of versions that took some out: these give what differs.

    Args:
        batch: Its number.
        counts: Of its commit.
        files: What the ledger has of the batch: `file`, `path`, `identity`; nothing where files landed.
    """
    files = files.sort("file")
    pieces = pieces_of(files["identity"])
    compared = {piece.version for piece in pieces if piece.what == "removed"}
    # row objects allowed: one a file
    for path, piece, read in zip(files["path"], pieces, counts.files.read, strict=False):
        if piece.version not in compared and piece.rows not in (None, read):
            yield Violation(batch, path, "records read, as the log of the source has them", piece.rows, read)
