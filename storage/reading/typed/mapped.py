"""The contents of a file descriptor as memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Mapped:
    """A file that can be looked at as memory.

    Attributes:
        data: All of it; nothing is read before it is looked at.
        mapping: None where there is nothing.
    """

    data: pa.Buffer
    mapping: mmap.mmap | None

    def let_go(self) -> None:
        """What has been looked at no longer counts as memory of this process; it can be looked at again."""
        if self.mapping is not None:
            self.mapping.madvise(mmap.MADV_DONTNEED)


@contextmanager
def mapped(descriptor: int) -> Iterator[Mapped]:
    """The file, read-only. Closes the descriptor; the mapping lives as long as the buffers that look at it.

    A file that is cut while it is read ends this process, as any access to what is not there does.
    """
    try:
        size = os.fstat(descriptor).st_size
        # An empty file cannot be mapped.
        mapping = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) if size else None
        yield Mapped(pa.py_buffer(b"" if mapping is None else mapping), mapping)
    finally:
        os.close(descriptor)
