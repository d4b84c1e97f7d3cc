"""How the blocks of an Avro file are compressed."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable

import pyarrow as pa
import zstandard

ERRORS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, pa.ArrowException, EOFError, OSError, ValueError)
"""What these raise when a block is damaged."""

_CHECKSUM_BYTES = 4
_MOST_EXPANSION = 64


def _deflated(data: bytes) -> bytes:
    return zlib.decompress(data, wbits=-zlib.MAX_WBITS)


def _snappy(data: bytes) -> bytes:
    """Snappy's raw format, and the checksum of the contents."""
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    size = _snappy_size(body)
    if size > _MOST_EXPANSION * len(body):
        raise ValueError("a block that says it is larger than it can be")
    found: bytes = pa.Codec("snappy").decompress(body, size, asbytes=True)
    if zlib.crc32(found).to_bytes(_CHECKSUM_BYTES, "big") != checksum:
        raise ValueError("the checksum of a block is wrong")
    return found


def _snappy_size(data: bytes) -> int:
    size = 0
    for place, byte in enumerate(data[:5]):
        size |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return size
    raise ValueError("a block that does not say how large it is")


def _zstandard(data: bytes) -> bytes:
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    found = decompressor.decompress(data)
    if not decompressor.eof:
        raise EOFError("a block ends before its time")
    return found


DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _deflated,
    "snappy": _snappy,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
    "zstandard": _zstandard,
}
"""By the name of the codec: a block's contents."""
