"""Turns what the libraries below raise (s3fs, botocore, delta-rs, Polars, the system) into storage errors."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
from deltalake.exceptions import DeltaError

from storage.errors import (
    AccessDeniedError,
    NotFoundError,
    OutOfSpaceError,
    StorageError,
    TableError,
    TableSchemaError,
    UnavailableError,
)

_CLIENT_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
    ("httpx", "HTTPError"),
)
# By class name along the inheritance, because botocore takes half a second to import.
_BY_NAME: dict[str, type[StorageError]] = {
    "FileNotFoundError": NotFoundError,
    "NotADirectoryError": NotFoundError,
    "TableNotFoundError": NotFoundError,
    "PermissionError": AccessDeniedError,
    "NoCredentialsError": AccessDeniedError,
    "PartialCredentialsError": AccessDeniedError,
    "CredentialRetrievalError": AccessDeniedError,
    "ConnectionError": UnavailableError,
    "TimeoutError": UnavailableError,
    "HTTPClientError": UnavailableError,
    "IncompleteReadError": UnavailableError,
    "ResponseParserError": UnavailableError,
    "ClientPayloadError": UnavailableError,
    "ClientConnectionError": UnavailableError,
    "TransportError": UnavailableError,
    "SchemaMismatchError": TableSchemaError,
}
_BY_ERRNO: dict[int | None, type[StorageError]] = {
    errno.EAGAIN: UnavailableError,
    errno.EBUSY: UnavailableError,
    errno.EHOSTUNREACH: UnavailableError,
    errno.ENETUNREACH: UnavailableError,
    errno.EREMOTEIO: UnavailableError,  # what s3fs makes of an internal error of the server
    errno.ESTALE: UnavailableError,
    errno.ENOSPC: OutOfSpaceError,
    errno.EDQUOT: OutOfSpaceError,
    errno.EROFS: AccessDeniedError,
}
# The Rust libraries have one exception for many causes, so that only the words tell them apart.
_BY_WORDS: tuple[tuple[re.Pattern[str], type[StorageError]], ...] = (
    (
        re.compile(
            r"403 Forbidden|401 Unauthorized|necessary privileges|permission denied|loading credentials", re.I
        ),
        AccessDeniedError,
    ),
    (re.compile(r"404 Not Found|NoSuchBucket|No such file or directory", re.I), NotFoundError),
    (re.compile(r"No space left on device|disk quota exceeded", re.I), OutOfSpaceError),
    (
        re.compile(
            r"error sending request|error decoding response body|connection (?:refused|reset|closed)"
            r"|timed? ?out|429 Too Many|\b50[0234] |SlowDown|reduce your request rate",
            re.I,
        ),
        UnavailableError,
    ),
)

_NEXT_STEP: dict[type[StorageError], str] = {
    AccessDeniedError: "check the permissions there; for s3:// also AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION",
    NotFoundError: "check the URI; for s3:// also AWS_ENDPOINT_URL",
    OutOfSpaceError: "free some space and run again; nothing of this attempt is visible",
    UnavailableError: "run again in a while; if it stays so, check the network, and AWS_ENDPOINT_URL for s3://",
}


@contextmanager
def translated(doing: str, where: str) -> Iterator[None]:
    """Everything upstream raises inside leaves as a StorageError, `from` the original.

    Args:
        doing: What was tried, to follow "could not": "list the landing zone".
        where: The URI it was tried on.
    """
    try:
        yield
    except upstream_errors() as exc:
        raise storage_error(exc, doing=doing, where=where) from exc


def storage_error(exc: Exception, *, doing: str, where: str) -> StorageError:
    """The storage error that says the same as `exc`, without secrets; a StorageError comes back as it is."""
    if isinstance(exc, StorageError):
        return exc
    kind = _kind(exc)
    return kind(
        f"could not {doing}",
        where=without_secrets(where),
        got=without_secrets(f"{type(exc).__name__}: {_readable(str(exc))}"),
        next_step=_NEXT_STEP.get(kind),
    )


def without_secrets(text: str) -> str:
    """`text` with credentials replaced by `***`: those of the environment, of URLs and of signed requests."""
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"):
        secret = os.environ.get(name, "")
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    text = re.sub(r"(?<=://)[^/@\s]+:[^/@\s]+(?=@)", "***", text)
    return re.sub(r"(?i)(signature|credential|security-token)=[^&,\s]+", r"\1=***", text)


def upstream_errors() -> tuple[type[Exception], ...]:
    """What may come from below; a client that was not imported, which takes long, has raised nothing."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _CLIENT_ERRORS)
    return (OSError, DeltaError, pl.exceptions.PolarsError, *(one for one in found if one is not None))


def _kind(exc: Exception) -> type[StorageError]:
    names = [one.__name__ for one in type(exc).__mro__]
    for name in names:
        if name in _BY_NAME:
            return _BY_NAME[name]
    if isinstance(exc, OSError) and exc.errno in _BY_ERRNO:
        return _BY_ERRNO[exc.errno]
    for words, kind in _BY_WORDS:
        if words.search(str(exc)):
            return kind
    return TableError if isinstance(exc, DeltaError | pl.exceptions.PolarsError) else StorageError


def _readable(text: str) -> str:
    """One line without terminal colours, cut where a server put its whole answer in."""
    line = " ".join(re.sub(r"\x1b\[[0-9;]*m|↳", "", text).split())
    return line if len(line) <= 400 else line[:400] + "…"
