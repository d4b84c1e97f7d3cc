"""How much each client pushes, held against its limits."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from config.units import format_bytes
from serving.errors import LimitError
from serving.security.client import Client


class Meter:
    """Counts what clients push; safe to be used by several threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._left: dict[str, tuple[float, float]] = {}

    @contextmanager
    def counted(self, client: Client) -> Iterator[Callable[[int], None]]:
        """Around one push; yields what counts bytes of it. A push that has begun is not stopped by its rate.

        Raises:
            LimitError: The client pushes too much at once, or has pushed too much.
        """
        self._begin(client)
        try:
            yield lambda size: self._take(client, size)
        finally:
            with self._lock:
                self._under_way[client.name] -= 1
                self._under_way += Counter()  # nobody is kept who pushes nothing

    def _begin(self, client: Client) -> None:
        limits = client.limits
        with self._lock:
            if self._under_way[client.name] >= limits.pushes_at_once:
                raise LimitError(
                    "too many batches are pushed at once",
                    expected=f"at most {limits.pushes_at_once} of one client (pushes_at_once)",
                    next_step="push this one again, with the same id, when another one has ended",
                )
            if (left := self._now_left(client)) < 0:
                wait_s = 1 - left / limits.pushed_bytes_a_minute * 60
                raise LimitError(
                    "too many bytes were pushed",
                    expected=f"at most {format_bytes(limits.pushed_bytes_a_minute)} a minute of one client "
                    "(pushed_bytes_a_minute)",
                    next_step=f"push this batch again, with the same id, in {wait_s:.0f} seconds",
                )
            self._under_way[client.name] += 1

    def _take(self, client: Client, size: int) -> None:
        with self._lock:
            self._left[client.name] = self._now_left(client) - size, self._now()

    def _now_left(self, client: Client) -> float:
        most = float(client.limits.pushed_bytes_a_minute)
        left, at_s = self._left.get(client.name, (most, self._now()))
        return min(most, left + (self._now() - at_s) / 60 * most)
