"""Which way a landed file is decompressed."""

from __future__ import annotations

import io
from typing import Literal

from storage.reading.gzip_stream import GzipStream
from storage.reading.stream import PlainStream, Stream
from storage.reading.zstd_stream import ZstdStream

Compression = Literal["auto", "none", "gzip", "zstd", "bzip2", "xz"]

_SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}


def decompressed(raw: io.RawIOBase, *, name: str, compression: Compression = "auto") -> Stream:
    """The contents of `raw`; `auto` goes by the suffix of `name` (`.gz`, `.gzip`, `.zst`, `.zstd`)."""
    kind = _kind(name, compression)
    if kind == "gzip":
        return GzipStream(raw)
    if kind == "zstd":
        return ZstdStream(raw)
    return PlainStream(raw)


def is_compressed(name: str, compression: Compression = "auto") -> bool:
    """Whether a file of that name has other contents than the bytes that are stored; as `decompressed`."""
    return _kind(name, compression) != "none"


def _kind(name: str, compression: Compression) -> Compression:
    return _by_suffix(name) if compression == "auto" else compression


def _by_suffix(name: str) -> Compression:
    lower = name.lower()
    return next((kind for suffix, kind in _SUFFIXES.items() if lower.endswith(suffix)), "none")
