"""New files of a local landing zone."""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from storage.filesystem import local_path
from storage.upstream import translated

_HIDDEN: Final = ".arriving"
"""The folder of files that are not whole yet; on the same disk as the zone, because links need that."""
_OLD_S: Final = 600.0


@contextmanager
def new_local_file(zone: str, name: str) -> Iterator[tuple[IO[bytes], Callable[[], bool]]]:
    """See `new_file`."""
    base = Path(local_path(zone))
    with translated("begin a file in the landing zone", zone):
        partial, file = _begin(base / _HIDDEN)
    try:
        yield file, lambda: _land(file, partial, base, name)
    finally:
        with suppress(OSError):
            partial.unlink()
        with suppress(OSError):
            file.close()


def _begin(hidden: Path) -> tuple[Path, IO[bytes]]:
    hidden.mkdir(exist_ok=True)
    _sweep(hidden)
    partial = hidden / uuid.uuid4().hex
    file = partial.open("x+b")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return partial, file


def _land(file: IO[bytes], partial: Path, base: Path, name: str) -> bool:
    path = base / name
    with translated("put a new file into the landing zone", str(path)):
        file.flush()
        os.fsync(file.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.hardlink_to(partial)
            first = True
        except FileExistsError:
            first = False
        for folder in (path.parent, *path.parent.parents):
            _sync(folder)  # whoever comes second may answer before the first one has
            if folder == base:
                break
    return first


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(hidden: Path) -> None:
    """Removes what processes left that are gone: whoever writes a file holds a lock on it."""
    for path in hidden.iterdir():
        with suppress(OSError), path.open("rb") as file:
            if time.time() - os.fstat(file.fileno()).st_mtime > _OLD_S:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
