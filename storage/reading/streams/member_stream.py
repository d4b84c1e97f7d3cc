"""What bzip2 and xz have in common: one member after the other, decompressors that forget on an error."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Protocol

from storage.reading.streams.stream import StreamDamage

_INPUT_BYTES = 64 * 1024


class Decompressor(Protocol):
    """Of one member."""

    @property
    def eof(self) -> bool:
        """Whether the member has come to its end."""

    @property
    def unused_data(self) -> bytes:
        """What was found behind the end."""

    def decompress(self, data: bytes, /) -> bytes:
        """All that can be told from `data` and what came before."""


class MemberStream:
    """Any number of members one after the other.

    A decompressor that fails takes along what it had found since it was called: it is fed in small steps.

    Args:
        begin: Makes the decompressor of a member.
        magic: How a member begins.
        errors: What it raises when its input is damaged.
        step_bytes: How much it is fed at a time.
        padding: What may stand between members and behind them.
    """

    def __init__(
        self,
        raw: io.RawIOBase,
        *,
        begin: Callable[[], Decompressor],
        magic: bytes,
        errors: tuple[type[Exception], ...],
        step_bytes: int,
        padding: bytes = b"",
    ) -> None:
        self.damage: StreamDamage | None = None
        self._raw = raw
        self._begin = begin
        self._magic = magic
        self._errors = errors
        self._step_bytes = step_bytes
        self._padding = padding
        self._member: Decompressor | None = None
        self._input = memoryview(b"")
        self._rest = memoryview(b"")

    def readinto(self, target: memoryview) -> int:
        """Fills the head of `target` with what comes next; see `Stream`."""
        while not self._rest:
            if self.damage is not None or not self._fill():
                return 0
            try:
                self._rest = memoryview(self._step())
            except self._errors:
                self.damage = "corrupt_file"
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _fill(self) -> bool:
        """Whether there is input; where it ends within a member, that is a damage."""
        if not self._input:
            self._input = memoryview(self._raw.read(_INPUT_BYTES) or b"")
        if not self._input and self._member is not None:
            self.damage = "truncated_file"
        return bool(self._input)

    def _step(self) -> bytes:
        """What the next bytes decompress to, which may be nothing."""
        if self._member is None:
            self._pass_over_padding()
            if not self._input:
                return b""
            if not self._magic.startswith(bytes(self._input[: len(self._magic)])):
                self.damage = "corrupt_file"
                return b""
            self._member = self._begin()
        step, self._input = self._input[: self._step_bytes], self._input[self._step_bytes :]
        member = self._member
        found = member.decompress(bytes(step))
        if member.eof:
            self._input = memoryview(member.unused_data + bytes(self._input))
            self._member = None
        return found

    def _pass_over_padding(self) -> None:
        self._input = memoryview(bytes(self._input).lstrip(self._padding))
