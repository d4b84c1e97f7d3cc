"""Checkpoints, by which readers need not read the log from its beginning, and what they make superfluous."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl
from deltalake import DeltaTable

from storage.filesystem import open_filesystem
from storage.layout.uploads import remove_files
from storage.maintenance.listing import LISTING_SCHEMA, LOG, list_table
from storage.upstream import translated

INTERVAL: Final = 100
"""Commits between two checkpoints, where the table does not say."""
_KEPT: Final = 10
"""Of old checkpoints one of so many stays, for readers of old versions."""

_CHECKPOINT: Final = r"^_delta_log/(\d{20})\.checkpoint\.parquet$"
_COMMIT: Final = r"^_delta_log/(\d{20})\.json$"
_RETENTION: Final = "delta.logRetentionDuration"


@dataclass(frozen=True)
class Log:
    """The log of a table, as it lies in storage.

    Attributes:
        version: Of the table.
        interval: Commits between two checkpoints, as the table says.
        checkpoints: One row each: the columns of LISTING_SCHEMA, and `version`.
        begins: The oldest commit that is there.
        named: The version whose checkpoint readers are told to begin with; None where none is named.
        plain: Whether all checkpoints are single files, as delta-rs makes them.
    """

    version: int
    interval: int
    checkpoints: pl.DataFrame
    begins: int
    named: int | None
    plain: bool

    @property
    def since(self) -> int:
        """Commits since the last checkpoint."""
        return self.version - max(self.checkpoints["version"], default=-1)

    @property
    def is_due(self) -> bool:
        """Whether there are as many as the table says."""
        return self.since >= self.interval


def read_log(uri: str, table: DeltaTable) -> Log:
    """What lies in the log of `table`; costs a listing.

    Raises:
        StorageError: The store cannot be asked.
    """
    listing = list_table(uri, LOG)
    path = pl.col("path")
    checkpoints = _numbered(listing, _CHECKPOINT)
    begins = min(_numbered(listing, _COMMIT)["version"], default=0)
    every = int(table.metadata().configuration.get("delta.checkpointInterval") or INTERVAL)
    plain = listing.filter(path.str.contains(".checkpoint.", literal=True)).height == checkpoints.height
    return Log(int(table.version()), every, checkpoints, begins, _named(uri), plain)


def checkpoint(uri: str, table: DeltaTable) -> None:
    """Makes a checkpoint of the version that `table` is at; safe to repeat and to race.

    Raises:
        StorageError: It could not be written.
    """
    with translated("make a checkpoint", uri):
        table.create_checkpoint()


def superfluous(log: Log, keep: timedelta, now_ms: int) -> pl.DataFrame:
    """Checkpoints older than `keep`, but for about one of ten and the newest: columns of LISTING_SCHEMA.

    None where the log does not begin with version 0: there a checkpoint holds what no commit tells any more.
    """
    if log.begins > 0 or not log.plain:
        return LISTING_SCHEMA.to_frame()
    old = log.checkpoints.filter(pl.col("modified_ms") < now_ms - int(keep.total_seconds() * 1000))
    era = pl.col("version") // (_KEPT * log.interval)
    stays = pl.col("version") == pl.col("version").max().over(era)
    stays |= pl.col("version").eq_missing(log.named)
    return old.filter(~stays).select(LISTING_SCHEMA.names())


def remove_checkpoints(uri: str, checkpoints: pl.DataFrame) -> None:
    """Removes what `superfluous` gave; every version can still be read."""
    remove_files(uri, checkpoints["path"])


def expire_log(uri: str, table: DeltaTable) -> int:
    """Removes commits that are older than the table itself says, and that a checkpoint covers; how many.

    Nothing where the table does not say: `penstock verify` needs every commit.
    """
    if _RETENTION not in table.metadata().configuration:
        return 0
    before = list_table(uri, LOG).height
    with translated("clean up the log", uri):
        table.cleanup_metadata()
    return max(0, before - list_table(uri, LOG).height)


def _named(uri: str) -> int | None:
    filesystem, root = open_filesystem(uri)
    with translated("read the log of the table", uri):
        try:
            text: bytes = filesystem.cat_file(f"{root}/{LOG}_last_checkpoint")
        except FileNotFoundError:
            return None
    return int(json.loads(text)["version"])  # row objects allowed: one small object


def _numbered(listing: pl.DataFrame, pattern: str) -> pl.DataFrame:
    found = listing.filter(pl.col("path").str.contains(pattern))
    return found.with_columns(version=pl.col("path").str.extract(pattern).cast(pl.Int64))
