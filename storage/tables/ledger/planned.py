"""What the ledger knows: which file belongs to which batch, and which files wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl
from deltalake import DeltaTable

from storage.errors import NothingLandedError
from storage.filesystem import delta_storage_options
from storage.landing.listing import LANDING_SCHEMA
from storage.tables.delta import open_table
from storage.upstream import translated

LEDGER_SCHEMA = pl.Schema(
    {
        "pipeline": pl.String(),
        "batch": pl.Int64(),
        "file": pl.Int32(),
        **LANDING_SCHEMA,
        "replays": pl.Int64(),
        "undoes": pl.Int64(),
        "rebuilds": pl.Int64(),
    },
)
"""One row a file: `file`, its position in the batch, from 0; the rest as `list_landing` gave it.

In a batch that replays, one row for each file with records to replay and each batch that refused some of
them, which `replays` names; `size` is that of the records; `identity` says that no file is meant.

A batch that undoes another has the rows of that one again, and its number in `undoes`: the files count as
not taken in from then on.

A batch that rebuilds the table has the files of all batches before it again, in their order; `rebuilds` is
the batch that took the file in first. From then on it stands for those batches."""

OPEN_FILES_SCHEMA = pl.Schema(
    {name: LEDGER_SCHEMA[name] for name in ("replays", "path", "size")} | {"records": pl.Int64()}
)
"""Files with records to replay: the batch that refused these, the path, their bytes and their number."""

FILES: Final = ("file", *LANDING_SCHEMA, "replays", "undoes", "rebuilds")
"""The columns of a plan."""

TAKES_IN: Final = {name: pl.lit(None, pl.Int64) for name in ("replays", "undoes", "rebuilds")}
"""What the files of a batch have that takes in what has landed, and nothing else."""


def ledger_uri(table_uri: str) -> str:
    """Where the ledger of a data table is."""
    return f"{table_uri.rstrip('/')}_ledger"


def planned_files(table_uri: str, pipeline: str) -> pl.LazyFrame:
    """What the ledger knows of a pipeline: the columns of LEDGER_SCHEMA without the pipeline's name.

    Lazy, in no order: a filter on `batch` reads the files of that batch only. No rows without a ledger.

    Raises:
        StorageError: The ledger cannot be read.
    """
    uri = ledger_uri(table_uri)
    return rows_of(uri, open_table(uri), pipeline)


def taken_files(table_uri: str, pipeline: str) -> pl.DataFrame:
    """The files that the ledger has of a pipeline, in the order in which they were planned; eager.

    Columns path, identity, size and modified, as in `plan`; and `in_force`, false where a later batch has
    undone the one that took the file in.

    Raises:
        StorageError: The ledger cannot be read.
    """
    uri = ledger_uri(table_uri)
    return taken(uri, open_table(uri), pipeline)


def waiting_files(table_uri: str, pipeline: str, landed: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """The landed files that no batch of the pipeline holds, in the order they will be taken; plans nothing.

    Columns, order and errors as in `plan`.
    """
    uri = ledger_uri(table_uri)
    return numbered(waiting(uri, open_table(uri), pipeline, landed))


def standing_files(files: pl.DataFrame, before: int) -> pl.DataFrame:
    """The landed files that the batches below `before` have in the table, in the order they were taken in.

    Args:
        files: The ledger of a pipeline: columns `batch`, `rebuilds` and FILES.
        before: A batch that is not looked at, nor are later ones.

    Returns:
        The columns of `files`; `rebuilds` is the batch that took the file in first, `batch` the one that
        holds it now, which differ where a table was rebuilt.
    """
    landed = _standing(files, before).filter(pl.col("replays").is_null()).sort("batch", "file")
    return landed.with_columns(pl.coalesce("rebuilds", "batch").alias("rebuilds"))


def standing_batches(files: pl.DataFrame, before: int) -> list[int]:
    """The batches below `before` that took in or refused anything that still counts, sorted.

    Neither undos are among them, nor what they have undone, nor what a rebuild stands for.

    Args:
        files: As of `standing_files`.
    """
    # row objects allowed: one number a batch
    return _standing(files, before)["batch"].unique().sort().to_list()


def _standing(files: pl.DataFrame, before: int) -> pl.DataFrame:
    files = files.filter(pl.col("batch") < before)
    gone = undone_batches(files).implode()
    files = files.filter(pl.col("undoes").is_null(), ~pl.col("batch").is_in(gone))
    rebuilt = files.filter(pl.col("rebuilds").is_not_null())["batch"].max()
    return files if rebuilt is None else files.filter(pl.col("batch") >= rebuilt)


def undone_batches(files: pl.DataFrame) -> pl.Series:
    """The batches that a later one has undone; `files` has the columns `batch` and `undoes`."""
    return files["undoes"].drop_nulls().unique()


def rows_of(uri: str, table: DeltaTable | None, pipeline: str) -> pl.LazyFrame:
    """As `planned_files`, of a ledger that is open already."""
    if table is None:
        return LEDGER_SCHEMA.to_frame(eager=False).drop("pipeline")
    rows = pl.scan_delta(table, storage_options=delta_storage_options(uri) or None)
    # Ledgers from before a column was thought of get it with the next batch.
    missing = LEDGER_SCHEMA.keys() - {field.name for field in table.schema().fields}
    rows = rows.with_columns(pl.lit(None, LEDGER_SCHEMA[name]).alias(name) for name in missing)
    return rows.filter(pl.col("pipeline") == pipeline).select(
        name for name in LEDGER_SCHEMA if name != "pipeline"
    )


def taken(uri: str, table: DeltaTable | None, pipeline: str) -> pl.DataFrame:
    """As `taken_files`, of a ledger that is open already."""
    with translated("read the ledger", uri):
        files = rows_of(uri, table, pipeline).collect()
    first = pl.all_horizontal(pl.col(*TAKES_IN).is_null())
    landed = files.filter(first).sort("batch", "file")
    in_force = ~pl.col("batch").is_in(undone_batches(files).implode())
    return landed.select(*LANDING_SCHEMA, in_force=in_force)


def waiting(
    uri: str, table: DeltaTable | None, pipeline: str, landed: Callable[[], pl.DataFrame]
) -> pl.DataFrame:
    """As `waiting_files`, of a ledger that is open already; not numbered."""
    with translated("read the ledger", uri):
        files = rows_of(uri, table, pipeline).select("path", "identity", "batch", "undoes").collect()
    known = _in_force(files)
    try:
        found = landed()
    except NothingLandedError:
        if known.is_empty():
            raise
        found = LANDING_SCHEMA.to_frame()
    return (
        found.join(known, on=["path", "identity"], how="anti")
        .sort("modified", "path")
        .with_columns(**TAKES_IN)
    )


def _in_force(files: pl.DataFrame) -> pl.DataFrame:
    """The files of batches that no other has undone; columns as given, `batch` and `undoes` among them."""
    if files["undoes"].null_count() == files.height:
        return files
    gone = undone_batches(files).implode()
    return files.filter(pl.col("undoes").is_null(), ~pl.col("batch").is_in(gone))


def numbered(files: pl.DataFrame) -> pl.DataFrame:
    """The files of a batch in their order, with the columns FILES."""
    return files.select(pl.int_range(pl.len(), dtype=pl.Int32).alias("file"), *FILES[1:])
