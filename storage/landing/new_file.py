"""A new file in a landing zone: nobody sees it until it is whole and durable, and it replaces none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from storage.errors import NotFoundError
from storage.filesystem import is_remote, open_filesystem
from storage.landing.new_local_file import new_local_file
from storage.landing.new_object import new_object
from storage.upstream import translated


@dataclass(frozen=True)
class NewFile:
    """A file on its way.

    Attributes:
        file: To be written, and read again; what that raises is the system's own.
        land: Makes it visible, durably; False, and nothing is done, where something is there already, which
            is durable then.
    """

    file: IO[bytes]
    land: Callable[[], bool]


@contextmanager
def new_file(zone: str, name: str) -> Iterator[NewFile]:
    """A file to be written; what has not landed at the end of the block was never there.

    On a local disk it lies in a hidden folder of the landing zone, and a hard link makes it visible: whoever
    is killed leaves a hidden file, which a later call removes. Of an object there is a copy without a name in
    the folder for temporary files, and a conditional PUT, or the completion of a multipart upload.

    Args:
        zone: The folder that the landing zone is; a local one must be there.
        name: Of the file, below it; folders are made.

    Raises:
        NotFoundError: There is no such folder.
        UnavailableError: Retryable. Nobody knows whether it landed: look, or write it again.
        StorageError: It did not.
    """
    made = new_object if is_remote(zone) else new_local_file
    with made(zone, name) as (file, land):
        yield NewFile(file, land)


def first_bytes(zone: str, name: str, size: int) -> bytes | None:
    """At most `size` bytes from the beginning of a file of the zone; None where there is no such file.

    Raises:
        StorageError: It cannot be read.
    """
    uri = f"{zone.rstrip('/')}/{name}"
    filesystem, path = open_filesystem(uri)
    try:
        with translated("read a file of the landing zone", uri):
            found: bytes = filesystem.cat_file(path, start=0, end=size)
    except NotFoundError:
        return None
    return found
