"""The decompressed contents of a landed file behind a file descriptor, which another process can be given."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from storage.reading.compression import Compression, decompressed, is_compressed
from storage.reading.stream import StreamDamage
from storage.upstream import translated

_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds.

    Attributes:
        descriptor: Open as long as the context is.
        size: In bytes.
        damage: Why the contents end before their time; None where they do not.
    """

    descriptor: int
    size: int
    damage: StreamDamage | None = None

    def tail(self, offset: int) -> bytes:
        """The bytes from `offset` on."""
        return os.pread(self.descriptor, self.size - offset, offset)


@contextmanager
def contents(raw: io.RawIOBase, path: str, compression: Compression) -> Iterator[Contents]:
    """A local file as it is; an object, or what is compressed, as a copy in a temporary file without a name.

    Raises:
        StorageError: The file cannot be read, or the copy not be written.
    """
    if isinstance(raw, io.FileIO) and not is_compressed(path, compression):
        yield Contents(raw.fileno(), os.fstat(raw.fileno()).st_size)
        return
    with tempfile.TemporaryFile(buffering=0) as copy:
        with translated("read the file", path):
            damage = _copy(raw, copy, path, compression)
        yield Contents(copy.fileno(), copy.tell(), damage)


def _copy(raw: io.RawIOBase, copy: IO[bytes], path: str, compression: Compression) -> StreamDamage | None:
    stream = decompressed(raw, name=path, compression=compression)
    room = memoryview(bytearray(_COPY_BYTES))
    while size := stream.readinto(room):
        copy.write(room[:size])
    return stream.damage
