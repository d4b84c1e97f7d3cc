"""The contents of one landed file as a stream of bytes that knows whether it came to its end."""

from __future__ import annotations

import io
from typing import Literal, Protocol

StreamDamage = Literal[
    "truncated_file", "corrupt_file", "reader_crashed", "unsupported_schema", "too_large_unpacked"
]
"""What is wrong with a file; the last three are said of files with types of their own only."""


class Stream(Protocol):
    """The decompressed contents of one file, exact up to the first damaged byte."""

    @property
    def damage(self) -> StreamDamage | None:
        """Why the stream ended before its time; None where it did not, and as long as it goes on."""

    def readinto(self, target: memoryview) -> int:
        """Fills the head of `target`, which must not be empty; gives the number of bytes, 0 at the end."""


class PlainStream:
    """A file that is not compressed; it cannot be damaged."""

    damage: StreamDamage | None = None

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def readinto(self, target: memoryview) -> int:
        """Reads straight into `target`."""
        return self._raw.readinto(target) or 0
