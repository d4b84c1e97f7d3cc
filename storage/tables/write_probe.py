"""Whether a store lets one writer create an object: the probe before the first write of a process.

A version of a Delta table is an object that only one writer can create (`If-None-Match: *`). A store that
ignores the condition, or looks at it too early, tells two writers that they were first, and the commit of one
of them is lost in silence. No documentation says so reliably; a race does.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import Final

from storage.create_only import create_only
from storage.errors import StorageError, UnavailableError, UnsafeStoreError
from storage.filesystem import bucket_and_key, is_remote, open_filesystem
from storage.upstream import translated

_log = logging.getLogger(__name__)

_RACES: Final = 5
_WRITERS: Final = 2
"""Of each race; SeaweedFS 4.48 lets every third writer of one object wait for a second."""

_UNSAFE: Final = {
    "AWS_S3_ALLOW_UNSAFE_RENAME": ("", "false", "0", "no", "off"),
    "AWS_CONDITIONAL_PUT": ("", "etag"),
    "AWS_S3_LOCKING_PROVIDER": ("",),
}
"""Variables that make delta-rs commit in another way than by conditional PUTs, and the values that do not."""

_probed: set[tuple[str, str]] = set()
_probing = Lock()


def probe_store(uri: str) -> None:
    """Refuses a store in which commits can be lost; costs some requests, once for each process and bucket.

    To be called before the first write to a table; nothing is done for local tables, where the file system
    has hard links or fails loudly. The objects lie in the folder of the table, under a name that readers and
    vacuum ignore, and are removed again.

    Args:
        uri: The table's.

    Raises:
        UnsafeStoreError: Final. More than one writer was told to be first, or another one than was.
        StorageError: It could not be tried, see `retryable`.
    """
    if not is_remote(uri):
        return
    _check_environment(uri)
    store = os.environ.get("AWS_ENDPOINT_URL", ""), bucket_and_key(uri)[0]
    with _probing:
        if store not in _probed:
            names = [f"{uri.rstrip('/')}/_write_probe_{uuid.uuid4().hex}" for _ in range(_RACES)]
            with ThreadPoolExecutor(_RACES, "penstock-probe") as races:
                list(races.map(_race, names))
            _probed.add(store)


def _check_environment(uri: str) -> None:
    for name, harmless in _UNSAFE.items():
        value = os.environ.get(name, "")
        if value.lower() not in harmless:
            raise UnsafeStoreError(
                "commits of different writers would not see each other",
                where=uri,
                got=f"{name}={value}",
                expected="commits by conditional PUTs, by all writers of a table",
                next_step=f"unset {name}",
            )


def _race(uri: str) -> None:
    """Several writers create one object at the same time; one of them must win, and its data be there."""
    start = Barrier(_WRITERS)
    names = [f"writer {number}".encode() for number in range(_WRITERS)]

    def write(name: bytes) -> bool:
        start.wait()
        try:
            return create_only(uri, name)
        except UnavailableError:
            return False  # it may have won all the same: what is there will tell

    try:
        with ThreadPoolExecutor(_WRITERS, "penstock-probe") as writers:
            answers = list(writers.map(write, names))
        _judge(uri, [name for name, first in zip(names, answers, strict=True) if first])
    finally:
        _remove(uri)


def _judge(uri: str, winners: Sequence[bytes]) -> None:
    """Refuses several winners, or another one than whose data is there; none is an answer that got lost."""
    filesystem, path = open_filesystem(uri)
    with translated("read what was just written", uri):
        there: bytes = filesystem.cat_file(path)
    if len(winners) > 1 or (winners and there != winners[0]) or create_only(uri, b"late"):
        raise UnsafeStoreError(
            "this store lets several writers create the same object, so that commits of tables would be lost",
            where=uri,
            got=f"{len(winners)} of {_WRITERS} writers at the same time were told that they were first",
            expected="one of them, as the store was asked to (PUT with If-None-Match: *)",
            next_step="write to a store with conditional PUTs: AWS S3, MinIO, SeaweedFS from 4.17 on; "
            "or look for a proxy in between that drops the header",
        )


def _remove(uri: str) -> None:
    filesystem, path = open_filesystem(uri)
    try:
        with translated("remove the object of a probe", uri):
            filesystem.rm_file(path)
    except StorageError as error:
        _log.warning("left behind, not part of the table: %s", error)
