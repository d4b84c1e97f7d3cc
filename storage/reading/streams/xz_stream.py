"""Xz. What came out before a checksum failed may be wrong: nobody can know that earlier, as with gzip."""

from __future__ import annotations

import io
import lzma
from functools import partial

from storage.reading.streams.member_stream import MemberStream

_STEP_BYTES = 64
_MEMORY_BYTES = 512 * 1024 * 1024
"""What a file may ask for; `xz -9` needs 65 MiB to be read."""


class XzStream(MemberStream):
    """Any number of streams one after the other, zero bytes as padding after any of them."""

    def __init__(self, raw: io.RawIOBase) -> None:
        begin = partial(lzma.LZMADecompressor, format=lzma.FORMAT_XZ, memlimit=_MEMORY_BYTES)
        super().__init__(
            raw,
            begin=begin,
            magic=b"\xfd7zXZ\0",
            errors=(lzma.LZMAError,),
            step_bytes=_STEP_BYTES,
            padding=b"\0",
        )
