"""Writes an object where there is none, and tells who comes second: what commits of a Delta log rest on."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

from storage.errors import UnavailableError
from storage.filesystem import is_remote, open_filesystem
from storage.upstream import translated

_LARGEST_PUT: Final = 5 * 2**30
"""Bytes of one PUT; s3fs splits what is twice its `chunksize`, and then the condition comes last."""


def create_only(uri: str, data: bytes) -> bool:
    """Writes `data` to `uri`, whole or not at all; False, and nothing is done, where something is there.

    A conditional PUT (`If-None-Match: *`) on object stores, a hard link on local disks. What is there may be
    this very data: a client that gets no answer asks again, and is told that it comes too late.

    Raises:
        UnavailableError: Retryable. Nobody knows whether it was written: look before you write again.
        StorageError: It was not.
    """
    filesystem, path = open_filesystem(uri)
    with translated("write a new object", uri):
        if not is_remote(uri):
            return _link(Path(path), data)
        try:
            filesystem.pipe_file(path, data, mode="create", chunksize=_LARGEST_PUT // 2)
        except FileExistsError:
            return False
        except OSError as error:
            if is_second(error, uri):
                return False
            raise
    return True


def is_second(error: Exception, uri: str) -> bool:
    """Whether a conditional request failed because something is there.

    Raises:
        UnavailableError: Two came at the same time, and no winner can be told yet.
    """
    match _code(error):
        case "PreconditionFailed":
            return True
        case "ConditionalRequestConflict":
            what = "somebody writes the same object at this moment"
            raise UnavailableError(what, where=uri, next_step="try again") from error
    return False


def _code(error: Exception) -> str | None:
    """S3's own word, which s3fs leaves in the exception that it translates."""
    response = getattr(error.__cause__, "response", {})
    code: str | None = response.get("Error", {}).get("Code")
    return code


def _link(path: Path, data: bytes) -> bool:
    """A link to a finished file: a reader never sees half of it; a crash may leave a hidden file behind."""
    whole = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with whole.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(whole)
    except FileExistsError:
        return False
    finally:
        with suppress(FileNotFoundError):
            whole.unlink()
    return True
