"""What was read of the files of tables, kept in memory for the next who asks."""

from __future__ import annotations

import random
import threading
from typing import Any, Final
from weakref import WeakValueDictionary

_SEED: Final = 0
_ENTRY_BYTES: Final = 1536
"""Of an entry beside its value: keys, objects of Python and Arrow around the buffers; as measured."""


class Cache:
    """Values by their keys, up to some bytes; safe to be used by several threads.

    Nothing in it can be stale: the files of a Delta table never change. Where it is full, what goes is drawn
    by lot. A scan of more than fits then finds a part of it the next time; had the least recently used gone,
    it would find nothing.

    Args:
        most_bytes: Of all entries together; nothing is kept where that is 0.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._kept: dict[Any, tuple[Any, int, int]] = {}  # value, bytes, place in `_keys`
        self._keys: list[Any] = []
        self._bytes = 0
        self._lots = random.Random(_SEED)
        self._lock = threading.Lock()
        self._reading: WeakValueDictionary[Any, threading.Lock] = WeakValueDictionary()

    @property
    def bytes(self) -> int:
        """Of all entries that are kept."""
        return self._bytes

    def get(self, key: Any) -> Any:
        """The value; None where it is not kept."""
        kept = self._kept.get(key)
        return None if kept is None else kept[0]

    def put(self, key: Any, value: Any, size: int) -> None:
        """Keeps `value`, of `size` bytes, in place of the one that the key has."""
        size += _ENTRY_BYTES
        with self._lock:
            if size > self.most_bytes:
                return
            self._drop(key)
            while self._bytes + size > self.most_bytes:
                self._drop(self._lots.choice(self._keys))
            self._kept[key] = value, size, len(self._keys)
            self._keys.append(key)
            self._bytes += size

    def reading(self, name: str) -> threading.Lock:
        """The lock of whoever reads what is kept under `name`: others wait for it, and find it here."""
        with self._lock:
            return self._reading.setdefault(name, threading.Lock())

    def _drop(self, key: Any) -> None:
        if key not in self._kept:
            return
        _, size, place = self._kept.pop(key)
        last = self._keys.pop()
        if last != key:
            self._keys[place] = last
            self._kept[last] = *self._kept[last][:2], place
        self._bytes -= size
