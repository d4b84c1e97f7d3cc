"""The contents of a file descriptor as memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def mapped(descriptor: int) -> Iterator[pa.Buffer]:
    """The file as a read-only buffer, of which nothing is read before it is looked at. Closes the descriptor.

    A file that is cut while it is read ends this process, as any access to what is not there does.
    """
    try:
        size = os.fstat(descriptor).st_size
        # An empty file cannot be mapped. The mapping lives as long as the buffers that look at it.
        yield pa.py_buffer(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) if size else b"")
    finally:
        os.close(descriptor)
