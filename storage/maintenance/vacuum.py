"""Removes what nobody needs from the folder of a table."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

import polars as pl

from storage.errors import NotFoundError, StorageError
from storage.filesystem import open_filesystem
from storage.maintenance.unneeded import Unneeded, added_since
from storage.tables.log.ordered_map import ordered_map
from storage.upstream import translated

_log = logging.getLogger(__name__)

_AT_A_TIME: Final = 1000
"""Files that are removed before the log is looked at again."""


@dataclass
class Vacuumed:
    """What has been removed; `failed` files are still there, and the log of this process says why."""

    files: int = 0
    bytes: int = 0
    failed: int = 0


def vacuum(uri: str, found: Unneeded) -> Vacuumed:
    """Removes the files that `unneeded` found, save those that a commit has put into the table since.

    Safe to repeat and to race; commits nothing, as no version that is served changes by it.

    Raises:
        StorageError: The log cannot be read. A file that cannot be removed is counted instead.
    """
    done, version = Vacuumed(), found.version
    for some in found.files.iter_slices(_AT_A_TIME):
        back = added_since(uri, version)
        gone = some.filter(~pl.col("path").is_in(list(back)))
        removed = list(ordered_map(lambda path: _removed(uri, path), gone["path"]))
        done.files += sum(removed)
        done.bytes += int(gone.filter(pl.Series(removed, dtype=pl.Boolean))["size"].sum())
        done.failed += len(removed) - sum(removed)
    return done


def _removed(uri: str, path: str) -> bool:
    """Whether the file is gone now."""
    filesystem, root = open_filesystem(uri)
    try:
        with translated("remove a file that nobody needs", f"{uri}/{path}"):
            filesystem.rm_file(f"{root}/{path}")
    except NotFoundError:
        return True
    except StorageError as error:
        _log.warning("left behind, not part of the table: %s", error)
        return False
    return True
