"""Which way a landed file is decompressed."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

from config import formats
from storage.reading.streams.bzip2_stream import Bzip2Stream
from storage.reading.streams.gzip_stream import GzipStream
from storage.reading.streams.stream import PlainStream, Stream
from storage.reading.streams.xz_stream import XzStream
from storage.reading.streams.zstd_stream import ZstdStream

Compression = Literal["auto", formats.Compression]

_STREAMS: dict[formats.Compression, Callable[[io.RawIOBase], Stream]] = {
    "none": PlainStream,
    "gzip": GzipStream,
    "zstd": ZstdStream,
    "bzip2": Bzip2Stream,
    "xz": XzStream,
}


def decompressed(raw: io.RawIOBase, *, name: str, compression: Compression = "auto") -> Stream:
    """The contents of `raw`; `auto` goes by the suffix of `name`, as `config.formats` tells."""
    return _STREAMS[_kind(name, compression)](raw)


def is_compressed(name: str, compression: Compression = "auto") -> bool:
    """Whether a file of that name has other contents than the bytes that are stored; as `decompressed`."""
    return _kind(name, compression) != "none"


def _kind(name: str, compression: Compression) -> formats.Compression:
    return formats.compression_of(name) if compression == "auto" else compression
