"""The beginnings of landed files, and some stretches from further inside, decompressed."""

from __future__ import annotations

import io
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from config.formats import Compression, compression_of
from config.settings import MIB
from storage.reading.raw_files import open_raw_files
from storage.reading.streams.compression import decompressed
from storage.reading.streams.stream import PlainStream, Stream
from storage.upstream import translated

_STEP_BYTES: Final = MIB
_STRETCHES: Final = 3
"""Of a large file, behind its head; the last one ends with the file."""

_MAGIC: Final[dict[bytes, Compression]] = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
}


@dataclass(frozen=True)
class Head:
    """What was read of one file.

    Attributes:
        path: The file's.
        data: Its beginning.
        whole: Whether that is all of it, up to where it is damaged.
        stretches: Bytes from further inside; each begins and ends anywhere in a record.
        compression: What the contents say, where the name does not.
    """

    path: str
    data: bytes
    whole: bool
    stretches: tuple[bytes, ...] = ()
    compression: Compression | None = None


def read_heads(
    paths: Sequence[str], sizes: Sequence[int], *, most_lines: int, most_bytes: int, most_record_bytes: int
) -> Generator[Head]:
    """Reads the beginning of each file: `most_lines` lines or `most_bytes`, but at least one line.

    Of a large local file that is not compressed, three stretches from further inside are added.

    Args:
        paths: All local, or all of one object store.
        sizes: In bytes, as listed.
        most_lines: Of a head; a stretch has about half of its bytes.
        most_bytes: Of a head and its stretches.
        most_record_bytes: A line that is longer is not read to its end.

    Raises:
        StorageError: A file cannot be read.
    """
    with closing(open_raw_files(paths, sizes, None, window_bytes=_STEP_BYTES)) as files:
        for raw, path, size in zip(files, paths, sizes, strict=True):
            with translated("read the file", path):
                yield _head(raw, path, size, most_lines, most_bytes, most_record_bytes)


def _head(
    raw: io.RawIOBase, path: str, size: int, most_lines: int, most_bytes: int, most_record_bytes: int
) -> Head:
    named = compression_of(path)
    start = raw.read(len(max(_MAGIC, key=len))) or b""
    told = next((kind for magic, kind in _MAGIC.items() if named == "none" and start.startswith(magic)), None)
    stream = decompressed(_Rewound(start, raw), name=path, compression=told or named)
    data, whole = _beginning(stream, most_lines, most_bytes, most_record_bytes)
    plain = isinstance(stream, PlainStream) and raw.seekable()
    inner = (
        [] if whole or not plain else _inside(raw, size, len(data), (most_bytes - len(data)) // _STRETCHES)
    )
    return Head(path, data, whole, tuple(inner), told)


def _beginning(
    stream: Stream, most_lines: int, most_bytes: int, most_record_bytes: int
) -> tuple[bytes, bool]:
    """(the first bytes, whether there are no more)."""
    data, lines = bytearray(), 0
    room = memoryview(bytearray(_STEP_BYTES))
    while lines < most_lines and (len(data) < most_bytes or (not lines and len(data) < most_record_bytes)):
        size = stream.readinto(room)
        if not size:
            return bytes(data), True
        data += room[:size]
        lines += bytes(room[:size]).count(b"\n")
    return bytes(data), False


def _inside(raw: io.RawIOBase, size: int, head: int, length: int) -> Generator[bytes]:
    length = min(length, head // 2, (size - head) // _STRETCHES)
    if length < 1:
        return
    for number in range(1, _STRETCHES + 1):
        raw.seek(head + (size - head - length) * number // _STRETCHES)
        yield raw.read(length) or b""


class _Rewound(io.RawIOBase):
    """A file of which the first bytes were read already."""

    def __init__(self, start: bytes, raw: io.RawIOBase) -> None:
        self._start = start
        self._raw = raw

    def readable(self) -> bool:
        """As files are."""
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        """Fills the head of `target`."""
        if not self._start:
            return self._raw.readinto(target) or 0
        size = min(len(self._start), len(target))
        target[:size] = self._start[:size]
        self._start = self._start[size:]
        return size
