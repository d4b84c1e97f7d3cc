"""Bzip2, exact up to the first damaged block: a block comes out when its checksum is right, or not at all."""

from __future__ import annotations

import bz2
import io

from storage.reading.streams.member_stream import MemberStream

_STEP_BYTES = 16
"""Less than a block can have: only where its first bytes are damaged, the block before it is lost too."""


class Bzip2Stream(MemberStream):
    """Any number of streams one after the other. Up to 46 MB, which is the most of a block, are held."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(
            raw, begin=bz2.BZ2Decompressor, magic=b"BZh", errors=(OSError, ValueError), step_bytes=_STEP_BYTES
        )
