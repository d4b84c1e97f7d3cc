"""Zstandard, exact up to the first damaged block.

The frames are taken apart here (https://www.rfc-editor.org/rfc/rfc8878#section-3.1), because only so can a
truncated file be told from a whole one, and the contents before a damage be kept: the decompressor is given
one block at a time, which expands to 128 KiB at most.
"""

from __future__ import annotations

import io

import zstandard

from storage.reading.streams.stream import StreamDamage

_INPUT_BYTES = 128 * 1024
_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE_MAGIC = b"\x2a\x4d\x18"  # after a first byte of 0x50 to 0x5f
_RUN_LENGTH_BLOCK = 1


class _Lent(io.BufferedReader):
    """Reads a file that is another's to close: a buffered reader that is forgotten would close it."""

    def close(self) -> None:
        """Leaves the file open."""


class ZstdStream:
    """Any number of frames one after the other, skippable ones among them; no dictionaries."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self.damage: StreamDamage | None = None
        self._input = _Lent(raw, _INPUT_BYTES)
        self._context = zstandard.ZstdDecompressor()
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._has_checksum = False
        self._last_block_done = False
        self._rest = memoryview(b"")

    def readinto(self, target: memoryview) -> int:
        """Fills the head of `target` with what comes next; see `Stream`."""
        while not self._rest:
            if self.damage is not None:
                return 0
            try:
                piece = self._next_piece()
            except zstandard.ZstdError:
                self.damage = "corrupt_file"
                return 0
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _next_piece(self) -> bytes | None:
        """What the next part of a frame decompresses to, which may be nothing; None at the end."""
        if self._frame is None:
            return self._begin_frame()
        if self._last_block_done:
            return self._end_frame(self._frame)
        return self._block(self._frame)

    def _begin_frame(self) -> bytes | None:
        magic = self._input.read(4)
        if not magic:
            return None
        if magic[1:] == _SKIPPABLE_MAGIC and magic[0] >> 4 == 5:
            return self._skip(int.from_bytes(self._take(4), "little"))
        if magic != _MAGIC[: len(magic)]:
            raise zstandard.ZstdError("not a frame")
        descriptor = self._take(1)
        header = magic + descriptor + self._take(_header_bytes(descriptor[0]) if descriptor else 0)
        self._has_checksum = bool(descriptor and descriptor[0] & 0b100)
        self._last_block_done = False
        self._frame = self._context.decompressobj()
        return self._frame.decompress(header)

    def _skip(self, size: int) -> bytes:
        while size and self.damage is None:
            size -= len(self._take(min(size, _INPUT_BYTES)))
        return b""

    def _block(self, frame: zstandard.ZstdDecompressionObj) -> bytes:
        header = self._take(3)
        bits = int.from_bytes(header, "little")
        size = 1 if bits >> 1 & 0b11 == _RUN_LENGTH_BLOCK else bits >> 3
        self._last_block_done = bool(bits & 1)
        body = self._take(size) if self.damage is None else b""
        piece = frame.decompress(header + body)
        if self._last_block_done and not self._has_checksum:
            self._frame = None
        return piece

    def _end_frame(self, frame: zstandard.ZstdDecompressionObj) -> bytes:
        piece = frame.decompress(self._take(4))
        self._frame = None
        return piece

    def _take(self, size: int) -> bytes:
        """The next `size` bytes of the file, or what there is, which is a damage."""
        taken = self._input.read(size)
        if len(taken) < size:
            self.damage = "truncated_file"
        return taken


def _header_bytes(descriptor: int) -> int:
    """The length of a frame header after its descriptor: window, dictionary id, size of the contents."""
    single_segment = descriptor >> 5 & 1
    dictionary_id = (0, 1, 2, 4)[descriptor & 0b11]
    contents = (single_segment, 2, 4, 8)[descriptor >> 6]
    return (1 - single_segment) + dictionary_id + contents
