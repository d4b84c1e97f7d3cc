"""The batches that the log of a table tells of, followed as it grows: what each commit says of itself.

Files and their statistics are not looked at, so that a log of many thousand commits is read in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import TableError
from storage.filesystem import open_filesystem
from storage.tables.delta import METADATA_KEY
from storage.tables.log.files import has_version, log_file
from storage.tables.log.ordered_map import ordered_map
from storage.upstream import translated

_COMMIT_INFO = b'"commitInfo"'
_FEW = 100
"""Commits that are asked for one by one; where more are missing, the log is listed first."""


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """The commit of a batch.

    Attributes:
        timestamp_ms: When, milliseconds since 1970-01-01 UTC, by the writer's clock; None where not said.
        metadata: What the caller of `commit_batch` gave.
    """

    version: int
    app_id: str
    batch: int
    timestamp_ms: int | None
    metadata: Mapping[str, Any]


def read_batches(uri: str, first: int, newest: int) -> Iterator[tuple[int, LoggedBatch | None]]:
    """Versions `first` to `newest` that the log still has, in order, and for each its batch, if it is one.

    Lazy; one request a commit, some at the same time, and as many in memory. Of a log whose begin is gone,
    what is left.

    Raises:
        TableError: A commit is no Delta commit.
        StorageError: The log cannot be read.
    """
    versions: Sequence[int] = range(first, newest + 1)
    if len(versions) > _FEW:
        versions = [version for version in _versions(uri) if first <= version <= newest]
    for version, found in zip(versions, ordered_map(lambda one: _read(uri, one), versions), strict=True):
        if found is not None:
            yield version, _batch(found, version, log_file(uri, version))


def is_newest(uri: str, version: int) -> bool:
    """Whether the table is still at `version`: a few requests, and nothing is read.

    False where that cannot be told either, because the commit is gone.
    """
    return has_version(uri, version) and not has_version(uri, version + 1)


def _versions(uri: str) -> list[int]:
    filesystem, root = open_filesystem(uri)
    with translated("list the log of the table", uri):
        names = [str(path).rpartition("/")[2] for path in filesystem.ls(f"{root}/_delta_log", detail=False)]
    commits = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(int(name) for name in commits if name.isdecimal())


def _read(uri: str, version: int) -> bytes | None:
    filesystem, path = open_filesystem(log_file(uri, version))
    with translated("read the log of the table", uri):
        try:
            return bytes(filesystem.cat_file(path))
        except FileNotFoundError:
            return None


def _batch(data: bytes, version: int, where: str) -> LoggedBatch | None:
    try:
        for line in data.splitlines():
            if _COMMIT_INFO in line:
                # row objects allowed: one a commit
                info = json.loads(line).get("commitInfo") or {}
                ours = info.get(METADATA_KEY)
                if isinstance(ours, dict) and "batch" in ours:
                    return LoggedBatch(
                        version,
                        ours["app_id"],
                        ours["batch"],
                        info.get("timestamp"),
                        ours.get("metadata") or {},
                    )
    except (ValueError, KeyError, AttributeError) as error:
        raise TableError(
            "a commit of the table cannot be understood",
            where=where,
            got=f"{type(error).__name__}: {error}",
            expected="actions of the Delta protocol, one JSON object a line",
            next_step="put the file back as it was written",
        ) from error
    return None
