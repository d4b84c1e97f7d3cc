"""Lists files of the local disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from storage.errors import NotFoundError
from storage.filesystem import local_path
from storage.landing.identity import identity_of_file
from storage.landing.pattern import LandingPattern, is_unfinished, parse_pattern
from storage.upstream import translated

ListedFile = tuple[str, str, int, int]
"""Path, identity, size in bytes, time of the last change in microseconds since 1970-01-01 UTC."""


def list_local(uri: str) -> list[ListedFile]:
    """The files that a local URI stands for, in no order; see `list_landing`."""
    path = local_path(uri)
    with translated("list the landing zone", uri):
        pattern = parse_pattern(path)
        if not Path(pattern.base).exists():
            raise _missing(uri, Path(pattern.base))
        if pattern.expression is None and Path(pattern.base).is_file():
            return [_listed(path, Path(path).stat())]
        return list(_walk(pattern))


def _walk(pattern: LandingPattern) -> Iterator[ListedFile]:
    """The files below the folder. Names are made by hand, which is four times faster than by `pathlib`."""
    top = pattern.base.rstrip("/") + "/"
    folders = [("", 1)]
    while folders:
        folder, level = folders.pop()
        for entry in _entries(top + folder):
            if entry.is_dir(follow_symlinks=False):
                if level != pattern.deepest and not is_unfinished(entry.name):
                    folders.append((f"{folder}{entry.name}/", level + 1))
            elif pattern.takes(folder + entry.name) and (status := _status(entry)):
                yield _listed(entry.path, status)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for what is no regular file, and for what has gone since it was listed."""
    try:
        status = entry.stat()
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _listed(path: str, status: os.stat_result) -> ListedFile:
    return path, identity_of_file(status), status.st_size, status.st_mtime_ns // 1000


def _missing(uri: str, folder: Path) -> NotFoundError:
    nearest = next(parent for parent in folder.parents if parent.exists())
    return NotFoundError(
        "the landing zone does not exist",
        where=uri,
        got=f"no folder {folder}; the nearest one that exists is {nearest}",
        expected="a folder, a file, or a pattern below a folder that exists",
        next_step="correct source.uri, or create the folder",
    )
