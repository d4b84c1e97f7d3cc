"""Delta tables: open one, and see which batch it holds. How a batch gets there is told in `commits`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from storage.errors import TableError
from storage.filesystem import delta_storage_options, is_remote, local_path, open_filesystem
from storage.layout.data_file import DataFile
from storage.layout.uploads import remove_files
from storage.upstream import translated

METADATA_KEY = "penstock"
"""The key of a commit under which everything of ours is kept."""
_MISREAD = re.compile(r"\\|%[0-9A-Fa-f]{2}")
"""What delta-rs 1.6.3 turns into something else between writing a log and reading it."""


def open_table(uri: str) -> DeltaTable | None:
    """The newest version of the table at `uri`, or None where there is no table.

    Costs a listing of the log, and reads the newest checkpoint and the commits after it.

    Raises:
        StorageError: The table is there, or may be, and cannot be read.
    """
    if _MISREAD.search(uri if is_remote(uri) else local_path(uri)):
        raise TableError(
            "delta-rs would look for this table in another place than it writes it to",
            where=uri,
            expected="a path without backslashes and without % before two hexadecimal digits",
            next_step="rename the folder",
        )
    options = delta_storage_options(uri)
    with translated("open the table", uri):
        try:
            return DeltaTable(uri, storage_options=options)
        except TableNotFoundError:
            # delta-rs says the same of a folder that may not be read, and of a bucket that is not there.
            if not _has_log(uri):
                return None
        # Another run has just made it; where that is not why, the same error comes again.
        return DeltaTable(uri, storage_options=options)


def open_table_at(uri: str, version: int) -> DeltaTable:
    """The table at `uri` as it was at one of its versions.

    Raises:
        StorageError: There is no such table, or no such version any more, or it cannot be read.
    """
    options = delta_storage_options(uri)
    with translated(f"open version {version} of the table", uri):
        return DeltaTable(uri, version=version, storage_options=options)


def last_batch(table: DeltaTable | None, app_id: str) -> int:
    """The number of the newest batch of `app_id` in `table` as it was loaded; 0 where there is none.

    Raises:
        StorageError: The log of this version cannot be read, perhaps not any more.
    """
    if table is None:
        return 0
    with translated("read the log of the table", table.table_uri):
        return table.transaction_version(app_id) or 0


def remove_unused(uri: str, files: Sequence[DataFile]) -> None:
    """Removes those of `files` that are not in the table: another process was faster to commit the batch."""
    table = open_table(uri)
    used = {path.rpartition("/")[2] for path in table.file_uris()} if table is not None else set()
    remove_files(uri, [file.path for file in files if file.path.rpartition("/")[2] not in used])


def _has_log(uri: str) -> bool:
    fs, path = open_filesystem(uri)
    try:
        return any(name.endswith(".json") for name in fs.ls(f"{path}/_delta_log", detail=False))
    except FileNotFoundError:
        return False
