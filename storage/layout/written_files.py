"""Whether files that another process says it has written are where the table will look for them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from storage.errors import NotFoundError, TableError
from storage.filesystem import is_remote, open_filesystem
from storage.layout.data_file import DataFile
from storage.upstream import translated

_AT_ONCE: Final = 16
"""Questions under way to an object store, each some milliseconds."""


def check_written(uri: str, files: Sequence[DataFile]) -> None:
    """Asks the store for the size of each file.

    Args:
        uri: The table's.

    Raises:
        TableError: Final. One is not there, or of another size: a process that wrote has another store, other
            credentials or another disk than this one. A commit would make a table that nobody can read.
        StorageError: The store cannot be asked, see `retryable`.
    """
    if not files:
        return
    with ThreadPoolExecutor(_AT_ONCE if is_remote(uri) else 1, "penstock-check") as threads:
        for file, size in zip(files, threads.map(lambda one: _size(uri, one.path), files), strict=True):
            if size != file.size:
                raise _missing(uri, file, size)


def _size(uri: str, path: str) -> int | None:
    """Bytes; None where there is no such file."""
    filesystem, root = open_filesystem(uri)
    try:
        with translated("look for a data file", f"{uri}/{path}"):
            return int(filesystem.info(f"{root}/{path}")["size"])
    except NotFoundError:
        return None


def _missing(uri: str, file: DataFile, size: int | None) -> TableError:
    return TableError(
        "a file that another process has written for this batch cannot be found; nothing was committed",
        where=f"{uri}/{file.path}",
        got="no such file" if size is None else f"{size:,} bytes",
        expected=f"{file.size:,} bytes",
        next_step="give all processes that write the same storage: one bucket and the same AWS_… variables, "
        "or a folder that all machines share under one path",
    )
