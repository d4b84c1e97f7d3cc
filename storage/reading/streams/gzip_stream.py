"""Gzip, exact up to the first damaged byte."""

from __future__ import annotations

import io
import zlib

from storage.reading.streams.stream import StreamDamage

_INPUT_BYTES = 64 * 1024


class GzipStream:
    """RFC 1952: any number of members one after the other, zero bytes as padding after any of them."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self.damage: StreamDamage | None = None
        self._raw = raw
        self._input = b""
        self._inflate = _inflater()
        self._between_members = False
        self._empty = True

    def readinto(self, target: memoryview) -> int:
        """Fills the head of `target` with what comes next; see `Stream`."""
        while self.damage is None:
            ended = not self._fill()
            if self._between_members and not self._next_member():
                if ended:
                    return 0
                continue
            piece = self._decompress(len(target))
            if piece:
                target[: len(piece)] = piece
                return len(piece)
            if ended and not self._between_members and self.damage is None:
                self.damage = None if self._empty else "truncated_file"
                return 0
        return 0

    def _fill(self) -> bool:
        """Whether there is input left."""
        if not self._input:
            self._input = self._raw.read(_INPUT_BYTES) or b""
            self._empty &= not self._input
        return bool(self._input)

    def _next_member(self) -> bool:
        """Skips padding and starts the next member, where there is one."""
        self._input = self._input.lstrip(b"\0")
        if self._input:
            self._inflate = _inflater()
            self._between_members = False
        return bool(self._input)

    def _decompress(self, limit: int) -> bytes:
        before = self._inflate.copy()
        try:
            piece = self._inflate.decompress(self._input, limit)
        except zlib.error:
            self.damage = "corrupt_file"
            return _salvage(before, self._input, limit)
        self._between_members = self._inflate.eof
        self._input = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        return piece


def _inflater() -> zlib._Decompress:
    return zlib.decompressobj(wbits=31)


def _salvage(inflate: zlib._Decompress, data: bytes, limit: int) -> bytes:
    """What zlib had decompressed before it failed, which its error throws away.

    Asked for again in ever smaller steps: less and less input, then less and less output.
    """
    pieces = []
    step = len(data)
    while data and step and limit:
        trial = inflate.copy()
        try:
            pieces.append(trial.decompress(data[:step], limit))
        except zlib.error:
            step, limit = (step // 2, limit) if step > 1 else (step, limit // 2)
            continue
        inflate, data = trial, trial.unconsumed_tail + data[step:]
    return b"".join(pieces)
