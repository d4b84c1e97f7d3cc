"""Which files of a source table a pipeline has yet to take in, by what its ledger says that it has.

The first batches take a snapshot: all files of the version that was the newest one then. What follows is told
by the commits behind it. A snapshot that needs several batches stays the same one: its files are in the store
until they are vacuumed, also when a compaction has taken them out of the table meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import polars as pl
from deltalake import DeltaTable

from storage.errors import TableError
from storage.landing.listing import LANDING_SCHEMA
from storage.tables.feed.partitions import Unit, partition_units
from storage.tables.feed.pieces import WAITING_SCHEMA, Piece, What, parsed
from storage.tables.feed.source_log import (
    START_AGAIN,
    SourceFile,
    SourceVersion,
    at_version,
    open_source,
    snapshot,
    versions_between,
)

Read = Literal["appends", "changes", "partitions"]


def waiting_pieces(uri: str, read: Read, taken: pl.DataFrame) -> pl.DataFrame:
    """The files that wait, in the order in which they are to be taken; eager, reads the log alone.

    Args:
        uri: The source table's.
        read: As `config.source.Source` has it.
        taken: What `storage.tables.ledger.planned.taken_files` gives; identities are those of `Piece`.

    Returns:
        Columns of WAITING_SCHEMA; units are numbered in their order.

    Raises:
        NotFoundError: There is no source table.
        TableError: It is another one, or does not tell any more what is missing, or not in this way.
        StorageError: It cannot be read.
    """
    told = parsed(taken["identity"]).with_columns(taken["in_force"])
    table = open_source(uri, *_followed(told))
    _check_way_of_reading(uri, read, told)
    if read == "partitions":
        return _frame(partition_units(uri, table, told))
    found = _frame(_units(uri, table, read, told))
    new = found.join(taken, on=["path", "identity"], how="anti", maintain_order="left")
    return pl.concat([_freed(taken, told), new])


def within(waiting: pl.DataFrame, max_files: int, max_bytes: int) -> pl.DataFrame:
    """The first units that stay within the limits, but at least one; no path is there twice.

    Args:
        waiting: Rows of WAITING_SCHEMA.
        max_files: At least 1.
        max_bytes: Of the files as stored.
    """
    files = pl.int_range(1, pl.len() + 1)
    fits = (files <= max_files) & (pl.col("size").cum_sum() <= max_bytes) & pl.col("path").is_first_distinct()
    first = pl.col("unit") == pl.col("unit").first()
    within_limits = waiting.with_columns(fits=fits).with_columns(fits=pl.col("fits").all().over("unit"))
    return within_limits.filter(first | (pl.col("fits").cum_min())).drop("fits")


def _followed(told: pl.DataFrame) -> tuple[str | None, int]:
    """The id of the table that was followed so far, and the newest version of it that was taken."""
    if told.is_empty():
        return None, 0
    return str(told["table"][0]), max(told["version"])


def _freed(taken: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Files of batches that are undone and that no other batch has; those of a version are one unit."""
    key = ["path", "identity"]
    freed = taken.with_columns(version=told["version"]).filter(~pl.col("in_force"))
    freed = freed.join(taken.filter("in_force"), on=key, how="anti", maintain_order="left")
    unit = pl.col("version").rle_id().cast(pl.Int64) - pl.len() - 1
    return freed.unique(key, keep="first", maintain_order=True).select(*LANDING_SCHEMA, "version", unit=unit)


def _check_way_of_reading(uri: str, read: Read, told: pl.DataFrame) -> None:
    whole = told["what"].is_in(["partition", "no rows"])
    if not told.is_empty() and whole.any() != (read == "partitions"):
        raise TableError(
            "the pipeline has read its source in another way so far",
            where=uri,
            got=f"source.read: {read}",
            expected="source.read: partitions" if whole.any() else "source.read: appends, or changes",
            next_step=f"set it back; or {START_AGAIN}",
        )


def _units(uri: str, table: DeltaTable, read: Read, told: pl.DataFrame) -> Iterator[Unit]:
    """What may wait, unit by unit: from the last version that was taken, perhaps in part, to the newest."""
    table_id, newest = str(table.metadata().id), table.version()
    if told.is_empty():
        yield from _snapshot_units(uri, table, table_id)
        return
    _, last = _followed(told)
    first = last  # of which files may be left
    if (told.filter(version=last)["what"] == "snapshot").any():
        yield from _snapshot_units(uri, at_version(uri, last, table_id), table_id)
        first += 1
    for version in versions_between(uri, first, newest):
        if read == "appends" and version.version > last:
            _check_adds_only(uri, version)
        yield from _of_version(version, table_id)


def _snapshot_units(uri: str, table: DeltaTable, table_id: str) -> Iterator[Unit]:
    for file in snapshot(uri, table):
        yield [_piece(table_id, table.version(), "snapshot", file)]


def _check_adds_only(uri: str, version: SourceVersion) -> None:
    if version.removed:
        raise TableError(
            "a version of the source changes or removes rows, which source.read: appends cannot follow",
            where=f"{uri}, version {version.version}",
            got=f"a {version.operation} that takes out {len(version.removed)} files",
            expected="versions that add rows",
            next_step="set source.read: changes, which gives rows that go, too, each marked in _change, for "
            f"this version or from now on; or {START_AGAIN}",
        )


def _of_version(version: SourceVersion, table_id: str) -> Iterator[Unit]:
    """What goes before what comes; all of it at once where one may be the other."""
    number = version.version
    removed = [_piece(table_id, number, "removed", file) for file in version.removed]
    added = [_piece(table_id, number, "added", file) for file in version.added]
    if removed and added:
        yield removed + added
    else:
        yield from ([one] for one in removed + added)


def _piece(table_id: str, version: int, what: What, file: SourceFile) -> tuple[Piece, SourceFile]:
    return Piece(table_id, version, what, file.rows, file.values), file


def _frame(units: Iterable[Unit]) -> pl.DataFrame:
    rows = [
        (file.path, piece.identity, file.size, file.modified_ms * 1000, piece.version, number)
        for number, unit in enumerate(units)
        for piece, file in unit
    ]
    schema = WAITING_SCHEMA | {"modified": pl.Int64()}
    return pl.DataFrame(rows, schema, orient="row").cast({"modified": WAITING_SCHEMA["modified"]})
