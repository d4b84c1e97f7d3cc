"""The objects of a batch as raw bytes, fetched ahead by several requests at a time."""

from __future__ import annotations

import asyncio
import io
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from storage.errors import FileChangedError, FileVanishedError, StorageError
from storage.filesystem import bucket_and_key, open_filesystem
from storage.upstream import storage_error, upstream_errors

_MAX_REQUESTS = 16
_REQUESTS_A_WINDOW = 4
_LEAST_REQUEST_BYTES = 64 * 1024
_PAUSES_S = (0.2, 0.8, 3.2)


def open_raw_objects(
    paths: Sequence[str], sizes: Sequence[int], identities: Sequence[str] | None, *, window_bytes: int
) -> Generator[io.RawIOBase]:
    """Like `open_raw_files`, for objects: the next ones are on their way while one is read."""
    fetches = _FetchAhead(_parts(paths, sizes, identities, window_bytes), window_bytes)
    try:
        for position in range(len(paths)):
            yield _RawObject(fetches, position)
            fetches.pass_over(position)
    finally:
        fetches.cancel()


@dataclass(frozen=True, slots=True)
class _Part:
    """A range of one object, `start` inclusive, `end` exclusive."""

    position: int
    path: str
    identity: str | None
    start: int
    end: int


def _parts(
    paths: Sequence[str], sizes: Sequence[int], identities: Sequence[str] | None, window_bytes: int
) -> Iterator[_Part]:
    step = max(window_bytes // _REQUESTS_A_WINDOW, _LEAST_REQUEST_BYTES)
    for position, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        identity = identities[position] if identities else None
        for start in range(0, size, step):
            yield _Part(position, path, identity, start, min(start + step, size))


class _FetchAhead:
    """The parts in order; at most `window_bytes` (or one part) and 16 requests are under way or waiting."""

    def __init__(self, parts: Iterator[_Part], window_bytes: int) -> None:
        self._parts = parts
        self._window_bytes = window_bytes
        self._next = next(parts, None)
        self._under_way: deque[tuple[_Part, Future[bytes]]] = deque()

    def take(self, position: int) -> bytes:
        """The next part of the object at `position`; empty where there is none left."""
        self._request()
        if not self._under_way or self._under_way[0][0].position != position:
            return b""
        part, future = self._under_way.popleft()
        try:
            found = future.result()
        except upstream_errors() as exc:
            raise _read_error(exc, part) from exc
        if len(found) != part.end - part.start:
            raise FileChangedError.of(
                part.path, got=f"{part.start + len(found)} bytes", expected=f"{part.end} bytes"
            )
        return found

    def pass_over(self, position: int) -> None:
        """Drops what is left of the object at `position`."""
        while self._under_way and self._under_way[0][0].position <= position:
            self._under_way.popleft()[1].cancel()
        while self._next is not None and self._next.position <= position:
            self._next = next(self._parts, None)

    def cancel(self) -> None:
        """No part is wanted any more."""
        for _, future in self._under_way:
            future.cancel()

    def _request(self) -> None:
        waiting = sum(part.end - part.start for part, _ in self._under_way)
        while self._next is not None and len(self._under_way) < _MAX_REQUESTS:
            waiting += self._next.end - self._next.start
            if self._under_way and waiting > self._window_bytes:
                return
            filesystem, _ = open_filesystem(self._next.path)
            future = asyncio.run_coroutine_threadsafe(
                _fetch_patiently(filesystem, self._next), filesystem.loop
            )
            self._under_way.append((self._next, future))
            self._next = next(self._parts, None)


class _RawObject(io.RawIOBase):
    """One object, whose parts come from a `_FetchAhead`."""

    def __init__(self, fetches: _FetchAhead, position: int) -> None:
        self._fetches = fetches
        self._position = position
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if not self._rest:
            self._rest = memoryview(self._fetches.take(self._position))
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


async def _fetch_patiently(filesystem: Any, part: _Part) -> bytes:
    """s3fs repeats a request that gets no answer, but not one whose answer breaks off."""
    for pause_s in _PAUSES_S:
        try:
            return await _fetch(filesystem, part)
        except upstream_errors() as exc:
            if not storage_error(exc, doing="read", where=part.path).retryable:
                raise
        await asyncio.sleep(pause_s)
    return await _fetch(filesystem, part)


async def _fetch(filesystem: Any, part: _Part) -> bytes:
    # By bucket and key, because s3fs takes a `?versionId=` in a path for more than a part of the name.
    bucket, key = bucket_and_key(part.path)
    condition = {} if part.identity is None else {"IfMatch": f'"{part.identity}"'}
    span = f"bytes={part.start}-{part.end - 1}"
    answer = await filesystem._call_s3("get_object", Bucket=bucket, Key=key, Range=span, **condition)
    async with answer["Body"] as body:
        contents: bytes = await body.read()
    return contents


def _read_error(exc: Exception, part: _Part) -> StorageError:
    if isinstance(exc, FileNotFoundError):
        return FileVanishedError.of(part.path)
    answer = getattr(exc.__cause__, "response", {})
    if answer.get("Error", {}).get("Code") in ("PreconditionFailed", "412", "InvalidRange", "416"):
        return FileChangedError.of(part.path, got="another version", expected=str(part.identity))
    return storage_error(exc, doing="read the object", where=part.path)
