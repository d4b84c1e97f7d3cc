"""Avro's decimals, big-endian of any length, as those of Arrow, little-endian of 16 or 32 bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage.reading.typed.avro.schema import Node
from storage.reading.typed.failure import UnreadableError

_MAX_PRECISION_128 = 38


def decimals(node: Node, length: int, values: Any, tail: Any) -> Any:
    """The numbers.

    Args:
        values: Their bytes where each has the same size, else their offsets.
        tail: Their bytes, or None.
    """
    if tail is None:
        starts = np.arange(length, dtype=np.int64) * node.size
        ends, data = starts + node.size, np.frombuffer(values, np.uint8)
    else:
        offsets = np.frombuffer(values, np.int32, length + 1).astype(np.int64)
        starts, ends, data = offsets[:-1], offsets[1:], np.frombuffer(tail, np.uint8)
    if node.precision <= _MAX_PRECISION_128:
        kind, size = pa.decimal128(node.precision, node.scale), 16
    else:
        kind, size = pa.decimal256(node.precision, node.scale), 32
    return pa.Array.from_buffers(kind, length, [None, pa.py_buffer(_little_endian(data, starts, ends, size))])


def _little_endian(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], size: int
) -> NDArray[np.uint8]:
    """Each number from its last byte on, filled up by its sign to `size` bytes. No bytes are a zero."""
    found = np.zeros((len(starts), size), np.uint8)
    some = ends > starts
    heads = np.zeros(len(starts), np.uint8)
    heads[some] = data[starts[some]]
    found[heads >= 0x80] = 0xFF
    for place in range(size):
        here = ends - place > starts
        found[here, place] = data[ends[here] - place - 1]
    _check_sign(data, starts, ends, found)
    return found


def _check_sign(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], found: NDArray[np.uint8]
) -> None:
    """Bytes that had no room must only repeat the sign."""
    size = found.shape[1]
    for number in np.flatnonzero(ends - starts > size):
        sign = 0xFF if found[number, -1] >= 0x80 else 0
        if (data[starts[number] : ends[number] - size] != sign).any():
            raise UnreadableError("corrupt_file", "a decimal with more digits than are declared")
