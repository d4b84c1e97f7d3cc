"""The files of a batch as raw bytes, one after the other."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Sequence

from storage.errors import FileChangedError, FileVanishedError
from storage.filesystem import is_remote
from storage.landing.identity import identity_of_file
from storage.reading.raw_objects import open_raw_objects
from storage.upstream import translated


def open_raw_files(
    paths: Sequence[str], sizes: Sequence[int], identities: Sequence[str] | None, *, window_bytes: int
) -> Generator[io.RawIOBase]:
    """Opens one file after the other; each is closed when the next one is asked for.

    Args:
        paths: All local, or all of one object store.
        sizes: In bytes, as listed; an object is read to that size.
        identities: As listed; None where they need not be checked.
        window_bytes: How much of an object store may be under way or waiting at any time.

    Raises:
        FileVanishedError: A file is not there any more.
        FileChangedError: A file has another identity, before or after it was read.
        StorageError: A file cannot be read.
    """
    if paths and is_remote(paths[0]):
        yield from open_raw_objects(paths, sizes, identities, window_bytes=window_bytes)
        return
    for position, path in enumerate(paths):
        identity = identities[position] if identities else None
        with _open(path) as raw:
            _check(path, raw, identity)
            yield raw
            _check(path, raw, identity)


def _open(path: str) -> io.FileIO:
    with translated("read the file", path):
        try:
            return io.FileIO(path)
        except FileNotFoundError as exc:
            raise FileVanishedError.of(path) from exc


def _check(path: str, raw: io.FileIO, expected: str | None) -> None:
    found = identity_of_file(os.fstat(raw.fileno()))
    if expected is not None and found != expected:
        raise FileChangedError.of(path, got=found, expected=expected)
