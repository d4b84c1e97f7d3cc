"""Which of some landed files a pattern names."""

from __future__ import annotations

from collections.abc import Iterable

from storage.filesystem import is_remote, local_path
from storage.landing.pattern import parse_pattern


def named(location: str, pattern: str, paths: Iterable[str]) -> list[bool]:
    """Whether each of `paths` is meant by `pattern`.

    Args:
        location: The landing zone, itself a pattern perhaps.
        pattern: A file, a folder with all below, or a pattern as `list_landing` has it; a full path, or one
            below the folder of the landing zone.
        paths: As `list_landing` gives them.

    Raises:
        UnsupportedLocationError: A pattern that means nothing.
    """
    wanted = parse_pattern(_full(location, pattern))
    below = f"{wanted.base.rstrip('/')}/"
    return [
        path == wanted.base or (path.startswith(below) and wanted.takes(path.removeprefix(below)))
        for path in paths
    ]


def _full(location: str, pattern: str) -> str:
    if is_remote(pattern):
        return pattern
    if pattern.startswith("/"):
        return local_path(pattern)
    base = parse_pattern(location if is_remote(location) else local_path(location)).base
    return f"{base.rstrip('/')}/{pattern}"
