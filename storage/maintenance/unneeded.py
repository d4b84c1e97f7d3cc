"""Which files of a table's folder nobody needs any more.

A reader of a version may go on with it for as long as `keep`, counted from when the version ceased to be the
newest one. So the files of today's version are needed, and those that left the table since. All else that the
log has told of is not. Files that it has never told of may belong to a batch under way: they are spared while
they are young.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote

import polars as pl

from storage.errors import TableError
from storage.maintenance.files import files_of
from storage.maintenance.listing import LISTING_SCHEMA, LOG, list_table
from storage.tables.delta import open_table
from storage.tables.log.ordered_map import ordered_map
from storage.tables.replacing.replacement import read_actions

UNFINISHED: Final = timedelta(days=1)
"""Files that no version knows are spared at least so long: a batch that is under way will commit them."""

_COMMIT: Final = re.compile(r"_delta_log/(\d{20})\.json")
_HIDDEN: Final = r"(^|/)(\.|_[^=/]*/)"
"""Folders such as `_delta_log` and `_change_data`, but not those of partition columns such as `_day=1`."""
_BY_WRITER: Final = r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""What writers of tables put into the names of files, to make them unique; other files are not theirs."""
_DEAD_COMMIT: Final = r"^_delta_log/\.\d{20}\.json\.[0-9a-f]{32}$"
"""What is left of a commit to a local table where the process died between two steps of it."""


@dataclass(frozen=True)
class Unneeded:
    """What may be removed.

    Attributes:
        files: In the columns of LISTING_SCHEMA.
        spared: Files that left the table lately, or that no version knows and that are young.
        version: Of the table, when it was looked at; -1 where there is none.
    """

    files: pl.DataFrame
    spared: int
    version: int


def unneeded(uri: str, keep: timedelta, now_ms: int) -> Unneeded:
    """What nobody needs in the folder of the table at `uri`; removes nothing.

    Reads a listing of the folder, and the commits of the last `keep`, or of the last day if that is longer.

    Args:
        uri: The table's.
        keep: For how long readers of an older version are to be served.
        now_ms: Milliseconds since 1970-01-01 UTC, by a clock that agrees with that of the store.

    Raises:
        TableError: The log does not reach back as far.
        StorageError: Something cannot be read.
    """
    # The folder first: whatever is committed after that is in the log that is read then.
    listing = list_table(uri)
    table = open_table(uri)
    if table is None:
        return Unneeded(LISTING_SCHEMA.to_frame(), 0, -1)
    young = max(keep, UNFINISHED)
    versions = _recent_commits(uri, listing, int(table.version()), _before(now_ms, young))
    left_at = _departures(uri, versions)
    current = {unquote(path) for path in files_of(table)["path"]}
    _check_inside(uri, current | set(left_at))
    late = {path for path, at in left_at.items() if at >= _before(now_ms, keep)}
    others = listing.filter(_is_data(listing), ~pl.col("path").is_in(list(current)))
    unneeded = others.filter(~pl.col("path").is_in(list(late)), _is_gone(list(left_at)) | _is_written())
    dead = listing.filter(pl.col("path").str.contains(_DEAD_COMMIT))
    old = pl.col("modified_ms") < _before(now_ms, young)
    chosen = pl.concat([unneeded, dead]).filter(old | _is_gone(list(left_at)))
    return Unneeded(chosen, others.height - chosen.filter(_is_written()).height, int(table.version()))


def _is_gone(left: list[str]) -> pl.Expr:
    return pl.col("path").is_in(left)


def _is_written() -> pl.Expr:
    return pl.col("path").str.contains(_BY_WRITER) & ~pl.col("path").str.starts_with(LOG)


def _is_data(listing: pl.DataFrame) -> pl.Expr:
    """Parquet files that may be the table's: not in hidden folders, nor in those of tables further down."""
    path = pl.col("path")
    others = listing["path"].str.extract(r"^(.+/)_delta_log/").drop_nulls().unique()
    below = [path.str.starts_with(folder) for folder in others]
    return path.str.ends_with(".parquet") & ~path.str.contains(_HIDDEN) & ~pl.any_horizontal(*below, False)


def _check_inside(uri: str, paths: Iterable[str]) -> None:
    """A file that the log names by a whole URI may lie in the folder all the same."""
    outside = [path for path in paths if path.startswith("/") or "://" in path]
    if outside:
        raise TableError(
            "the log names files by more than their place in the table",
            where=uri,
            got=min(outside),
            expected="paths relative to the folder of the table",
            next_step="vacuum it with the program that made it",
        )


def _before(now_ms: int, duration: timedelta) -> int:
    return now_ms - int(duration.total_seconds() * 1000)


def _recent_commits(uri: str, listing: pl.DataFrame, newest: int, since_ms: int) -> range:
    """The versions that were committed after a moment, by the clock of the store, and later ones.

    Raises:
        TableError: Some of them are gone from the log.
    """
    log = listing.filter(pl.col("path").str.contains(_COMMIT.pattern))
    numbered = log.with_columns(version=pl.col("path").str.extract(_COMMIT.pattern).cast(pl.Int64))
    there = numbered["version"]
    listed = max(there, default=newest)  # later commits came since, and are in the log
    first = min(numbered.filter(pl.col("modified_ms") >= since_ms)["version"], default=listed + 1)
    begins = first == 0 or first - 1 in there
    if not begins or there.filter(there >= first).n_unique() < listed + 1 - first:
        raise TableError(
            "the log does not tell which files left the table lately",
            where=uri,
            got=f"no commit before version {first}, or one missing after it",
            expected="all commits within table.upkeep.keep, and one before",
            next_step="shorten table.upkeep.keep, or wait until the commits that are there are older",
        )
    return range(first, newest + 1)


def _departures(uri: str, versions: Iterable[int]) -> dict[str, int]:
    """When files left the table last, milliseconds since 1970-01-01 UTC, by path as the store has it."""
    found: dict[str, int] = {}
    for actions in ordered_map(lambda version: read_actions(uri, version), versions):
        for path, at in _removed(actions):
            found[path] = max(at, found.get(path, at))
    return found


def _removed(actions: Iterable[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    for action in actions:
        if remove := action.get("remove"):
            yield unquote(remove["path"]), int(remove.get("deletionTimestamp") or 2**62)


def added_since(uri: str, version: int) -> set[str]:
    """Paths, as the store has them, that commits after `version` have put into the table."""
    table = open_table(uri)
    newest = -1 if table is None else int(table.version())
    added: set[str] = set()
    for number in range(version + 1, newest + 1):
        actions = read_actions(uri, number)
        added |= {unquote(action["add"]["path"]) for action in actions if "add" in action}
    return added
