"""The landed files that a table holds, and whether they still lie where they landed."""

from __future__ import annotations

import polars as pl

from config.pipeline import Pipeline
from pipelines.errors import BackfillError
from pipelines.proof.recount import landed_now
from storage.tables.ledger.planned import planned_files, standing_batches, standing_files
from storage.upstream import translated

_SHOWN = 5
"""Files that are named where many are gone."""


def standing(pipeline: Pipeline, number: int) -> tuple[pl.DataFrame, list[int]]:
    """The files that the batches below `number` have in the table, and those batches; from the ledger.

    Returns:
        As `standing_files`, and `standing_batches`.

    Raises:
        StorageError: The ledger cannot be read.
    """
    with translated("read the ledger", pipeline.table.uri):
        ledger = planned_files(pipeline.table.uri, pipeline.name).collect()
    return standing_files(ledger, number), standing_batches(ledger, number)


def check_landed(pipeline: Pipeline, files: pl.DataFrame) -> None:
    """Refuses files that do not lie in the landing zone any more as they were taken in.

    Raises:
        BackfillError: Some do not, and the first are named; or the source is a table.
        StorageError: The landing zone cannot be listed.
    """
    if pipeline.source.table is not None:
        raise BackfillError(
            "the source of this pipeline is a table, whose older versions need not be there any more",
            where=f"pipeline {pipeline.name}",
            got="source.table",
            expected="files that landed",
            next_step="undo a batch, and run: penstock undo PIPELINE --batch N; or write to a new table: "
            "another name and table.uri, for the source as it is now",
        )
    landed = landed_now(pipeline, files)
    gone = files.join(landed, on=["path", "identity"], how="anti", maintain_order="left")["path"]
    if gone.is_empty():
        return
    changed = gone.is_in(landed["path"].implode()).sum()
    first = ", ".join(gone.head(_SHOWN)) + (", …" if len(gone) > _SHOWN else "")
    raise BackfillError(
        "files that were taken in do not lie in the landing zone any more as they were; "
        "their rows would be lost",
        where=pipeline.source.location,
        got=f"{len(gone):,} of {files.height:,} files gone or changed ({changed:,} changed): {first}",
        expected="every file whose rows would be taken out, unchanged",
        next_step="put them back as they were, with their modification times; or leave the table as it is",
    )
