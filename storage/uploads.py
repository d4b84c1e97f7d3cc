"""New files of a table: one PUT each, and removed again where the batch comes to nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from storage.errors import NotFoundError, StorageError
from storage.filesystem import is_remote, open_filesystem
from storage.upstream import translated

_log = logging.getLogger(__name__)


class Uploads:
    """The files that one writer put into a table, none of which the table's log knows yet.

    Args:
        uri: The table's.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._filesystem, self._root = open_filesystem(uri)
        self._is_remote = is_remote(uri)
        self._paths: list[str] = []

    def put(self, path: str, data: bytes) -> None:
        """Writes one file, whole or, on an object store, not at all.

        Args:
            path: Relative to the table, and new.
            data: Everything that the file is to hold.
        """
        target = f"{self._root}/{path}"
        self._paths.append(path)
        with translated("write a data file", f"{self._uri}/{path}"):
            if not self._is_remote:
                Path(target).parent.mkdir(parents=True, exist_ok=True)
            self._filesystem.pipe_file(target, data)

    def keep(self) -> None:
        """From now on the files are somebody else's: `remove` leaves them."""
        self._paths.clear()

    def remove(self) -> None:
        """Removes what was put; what cannot be removed is logged, and left for vacuum to find."""
        remove_files(self._uri, self._paths)
        self._paths.clear()


def remove_files(uri: str, paths: Iterable[str]) -> None:
    """Removes files of a table that its log does not know; for files that a commit certainly did not add.

    Args:
        uri: The table's.
        paths: Relative to the table; those that are not there count as removed.
    """
    filesystem, root = open_filesystem(uri)
    for path in paths:
        try:
            with translated("remove a data file", f"{uri}/{path}"):
                filesystem.rm_file(f"{root}/{path}")
        except NotFoundError:
            continue
        except StorageError as exc:
            _log.warning("left behind, not part of the table: %s", exc)
