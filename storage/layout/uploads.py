"""New files of a table: one PUT each, and removed again where the batch comes to nothing."""

from __future__ import annotations

import io
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from storage.errors import NotFoundError, StorageError
from storage.filesystem import is_remote, open_filesystem
from storage.upstream import translated

_log = logging.getLogger(__name__)

_AT_ONCE = 4
"""PUTs under way to an object store, whose answers take tens of milliseconds; as many files are in memory."""


class Uploads:
    """The files that one writer puts into a table, none of which the table's log knows yet.

    Args:
        uri: The table's.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._filesystem, self._root = open_filesystem(uri)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "penstock-put") if is_remote(uri) else None
        self._under_way: deque[Future[None]] = deque()
        self._paths: list[str] = []

    def put(self, path: str, data: bytes) -> None:
        """Writes one file, whole or, on an object store, not at all; there, some of them at the same time.

        Args:
            path: Relative to the table, and new.
            data: Everything that the file is to hold.

        Raises:
            StorageError: This file, or one before it, could not be written.
        """
        self._paths.append(path)
        if self._threads is None:
            with translated("make a folder for data files", f"{self._uri}/{path}"):
                Path(self._root, path).parent.mkdir(parents=True, exist_ok=True)
            self._put(path, data)
            return
        if len(self._under_way) >= _AT_ONCE:
            self._under_way.popleft().result()
        self._under_way.append(self._threads.submit(self._put, path, data))

    @contextmanager
    def sink(self, path: str) -> Iterator[IO[bytes]]:
        """A new file to write, and to read again; from any thread.

        On a local disk the file itself; for an object store memory, which the end of the block puts there.

        Args:
            path: Relative to the table, and new; on a local disk its folder must be there.

        Raises:
            StorageError: It could not be written.
        """
        self._paths.append(path)
        with translated("write a data file", f"{self._uri}/{path}"):
            if self._threads is None:
                with Path(self._root, path).open("x+b") as file:
                    yield file
                return
            with io.BytesIO() as memory:
                yield memory
                self._put(path, memory.getvalue())

    def keep(self) -> None:
        """Returns once every file is there; from then on they are somebody else's, and `remove` leaves them.

        Raises:
            StorageError: One of them could not be written.
        """
        while self._under_way:
            self._under_way.popleft().result()
        self._paths.clear()
        self._close()

    def remove(self) -> None:
        """Removes what was put; what cannot be removed is logged, and left for vacuum to find."""
        self._close()
        remove_files(self._uri, self._paths)
        self._paths.clear()

    def _put(self, path: str, data: bytes) -> None:
        with translated("write a data file", f"{self._uri}/{path}"):
            self._filesystem.pipe_file(f"{self._root}/{path}", data)

    def _close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)


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
