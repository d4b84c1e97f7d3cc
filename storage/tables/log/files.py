"""The commits of a Delta log as they lie in storage, one file each, and what they say of themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from storage.errors import TableError
from storage.filesystem import open_filesystem
from storage.tables.delta import METADATA_KEY
from storage.upstream import translated


def log_file(uri: str, version: int) -> str:
    """Where the commit of a version lies."""
    return f"{uri.rstrip('/')}/_delta_log/{version:020}.json"


def has_version(uri: str, version: int) -> bool:
    """Whether the commit of a version is there: one small request.

    Raises:
        StorageError: The store cannot be asked.
    """
    filesystem, path = open_filesystem(log_file(uri, version))
    filesystem.invalidate_cache()
    with translated("read the log of the table", uri):
        return bool(filesystem.exists(path))


def mark_of(uri: str, version: int) -> str | None:
    """What tells the commit of a version from another one of the same number; None where there is none.

    One small request. Another table at the same place has other marks, as far as the store tells them.

    Raises:
        StorageError: The store cannot be asked.
    """
    filesystem, path = open_filesystem(log_file(uri, version))
    filesystem.invalidate_cache()
    with translated("read the log of the table", uri):
        try:
            told = filesystem.info(path)
        except FileNotFoundError:
            return None
        return " ".join(str(told.get(name)) for name in ("size", "mtime", "ino", "ETag", "LastModified"))


def read_actions(uri: str, version: int, *, missing_ok: bool = False) -> list[dict[str, Any]]:
    """The actions of one commit; none where it is missing and may be.

    Raises:
        TableError: It is no Delta commit, or it is gone.
        StorageError: It cannot be read.
    """
    where = log_file(uri, version)
    filesystem, path = open_filesystem(where)
    try:
        with translated("read the log of the table", where):
            try:
                data: bytes = filesystem.cat_file(path)
            except FileNotFoundError:
                if missing_ok:
                    return []
                raise
        # row objects allowed: one action a file, not a row
        return [json.loads(line) for line in data.splitlines() if line.strip()]
    except ValueError as error:
        raise TableError(
            "a commit of the table cannot be understood",
            where=where,
            got=str(error),
            expected="actions of the Delta protocol, one JSON object a line",
        ) from error


def told_by(actions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What a commit says of itself, where Penstock made it."""
    for action in actions:
        ours = action.get("commitInfo", {}).get(METADATA_KEY)
        if isinstance(ours, dict):
            return ours
    return {}
