"""The decompressed contents of a landed file behind a file descriptor, which another process can be given."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from storage.reading.streams.compression import Compression, decompressed, is_compressed
from storage.reading.streams.stream import Stream, StreamDamage
from storage.upstream import translated

_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds.

    Attributes:
        descriptor: Open as long as the context is.
        size: In bytes; of what is too large, as far as it was copied.
        damage: Why the contents end before their time; None where they do not.
    """

    descriptor: int
    size: int
    damage: StreamDamage | None = None

    def tail(self, offset: int) -> bytes:
        """The bytes from `offset` on."""
        return os.pread(self.descriptor, self.size - offset, offset)


@contextmanager
def contents(raw: io.RawIOBase, path: str, compression: Compression, *, max_bytes: int) -> Iterator[Contents]:
    """A local file as it is; an object, or what is compressed, as a copy in a temporary file without a name.

    Args:
        max_bytes: No more is copied of what is compressed, which is damaged then.

    Raises:
        StorageError: The file cannot be read, or the copy not be written.
    """
    if isinstance(raw, io.FileIO) and not is_compressed(path, compression):
        yield Contents(raw.fileno(), os.fstat(raw.fileno()).st_size)
        return
    with tempfile.TemporaryFile(buffering=0) as copy:
        with translated("read the file", path):
            limit = max_bytes if is_compressed(path, compression) else None
            damage = _copy(decompressed(raw, name=path, compression=compression), copy, limit)
        yield Contents(copy.fileno(), copy.tell(), damage)


def _copy(stream: Stream, copy: IO[bytes], limit: int | None) -> StreamDamage | None:
    room = memoryview(bytearray(_COPY_BYTES))
    while size := stream.readinto(room):
        if limit is not None and copy.tell() + size > limit:
            return "too_large_unpacked"
        copy.write(room[:size])
    return stream.damage
