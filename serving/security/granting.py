"""Tokens into an access file, by a line at its end: what people wrote there stays as it is."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from config.errors import SettingsError
from config.names import check_pipeline_name
from serving.security.access import parse_access, private_text
from serving.security.tokens import digest, new_token


def grant(
    file: Path, client: str, expires: datetime, read: Sequence[str] = (), push: Sequence[str] = ()
) -> str:
    """A new token of `client`, whose digest is in the file; atomic, and safe beside other calls.

    Args:
        file: The access file; made where there is none, for its owner alone.
        client: Added where the file does not have it.
        expires: When the token does; with a zone.
        read: What a new client may read.
        push: What a new client may push to.

    Raises:
        InvalidValueError: The client has a name that no client may have.
        SettingsError: The file cannot be used, or already says what the client may.
    """
    check_pipeline_name(client)
    token = new_token()
    with _alone(file.parent):
        before = private_text(file) if file.exists() else ""
        added = _token(client, token, expires)
        if client not in parse_access(before, file).clients:
            added = _client(client, read, push) + added
        elif read or push:
            raise SettingsError(
                "the access file already says what this client may",
                where=f"{file}, key clients.{client}",
                next_step="change it there, and make the token without --read and --push",
            )
        after = before + ("\n" if before else "") + added
        parse_access(after, file)
        _replace(file, after)
    return token


def _client(name: str, read: Sequence[str], push: Sequence[str]) -> str:
    return f"[clients.{name}]\nread = {json.dumps(list(read))}\npush = {json.dumps(list(push))}\n\n"


def _token(client: str, token: str, expires: datetime) -> str:
    return (
        f'[[tokens]]\nclient = "{client}"\nsha256 = "{digest(token)}"\n'
        f"expires = {expires.isoformat(timespec='seconds')}\n"
    )


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else changes files of the folder by this function inside."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SettingsError(
            "there is no folder for the access file", where=folder, got=error.strerror
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
