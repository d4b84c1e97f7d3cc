"""Memory that ends where a test says."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np

from transforms.decode.kernel.codes import PADDING


class GuardedPages:
    """Memory whose last byte is followed by a page that nobody may touch: reading on kills the process."""

    def __init__(self, pages: int) -> None:
        page = mmap.PAGESIZE
        self._map = mmap.mmap(-1, (pages + 1) * page)
        self._size = pages * page
        self.data = np.frombuffer(self._map, np.uint8)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mprotect(ctypes.c_void_p(self.data.ctypes.data + self._size), ctypes.c_size_t(page), 0):
            raise OSError(ctypes.get_errno(), "mprotect")

    def hold(self, text: bytes, padding: int = PADDING) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """`text` and its padding, up to the last byte that may be read."""
        block = self.data[self._size - len(text) - padding : self._size]
        block[: len(text)] = np.frombuffer(text, np.uint8)
        block[len(text) :] = 0
        return block
