"""Turns: how many statements run at once, and how much each may give."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from config.units import format_bytes
from serving.errors import LimitError
from serving.security.client import Client
from serving.security.limits import Limits, ServerLimits

_LOOKS_UP_S: Final = 0.1


class Turn:
    """A statement that runs, which gives no more than it may."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left_bytes = limits.result_bytes

    def count(self, batch: Any) -> None:
        """Counts a `pyarrow.RecordBatch` of the answer, before the client gets it.

        Raises:
            LimitError: It is more than the client may have.
        """
        self._left_bytes -= batch.nbytes
        if self._left_bytes < 0:
            raise over("result_bytes", format_bytes(self._limits.result_bytes))


class Turns:
    """Who runs how many statements; safe to be used by several threads.

    Args:
        all_clients: Tells what all clients together may take, whenever it is asked.
    """

    def __init__(self, all_clients: Callable[[], ServerLimits] = ServerLimits) -> None:
        self._all_clients = all_clients
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def take(self, client: Client, check: Callable[[], None] = lambda: None) -> Iterator[Turn]:
        """A turn of `client`, when it can have one.

        Args:
            client: Whose it is.
            check: Is called while it waits; raises where nobody waits any more.

        Raises:
            LimitError: None came up in the time that the client may wait.
        """
        turn = Turn(client.limits)
        self._wait(client, check)
        try:
            yield turn
        finally:
            with self._changed:
                self._running[client.name] -= 1
                self._running += Counter()  # forgets those that run nothing
                self._changed.notify_all()

    def _wait(self, client: Client, check: Callable[[], None]) -> None:
        ends_s = time.monotonic() + client.limits.wait_time.total_seconds()
        with self._changed:
            while (full := self._full(client)) is not None:
                check()
                if time.monotonic() > ends_s:
                    raise full
                self._changed.wait(_LOOKS_UP_S)
            self._running[client.name] += 1

    def _full(self, client: Client) -> LimitError | None:
        own, everyone = client.limits.statements_at_once, self._all_clients().statements_at_once
        if self._running[client.name] >= own:
            return over("statements_at_once", f"{own}")
        if self._running.total() >= everyone:
            return over("statements_at_once of the server, for all clients", f"{everyone}")
        return None


def over(limit: str, value: str) -> LimitError:
    """What a client is told whose `limit` of `value` is reached."""
    return LimitError(
        "a limit of the server is reached",
        got=f"more than {limit}",
        expected=f"at most {value}",
        next_step="ask for less, or ask the operator for a higher limit",
    )


def check_size(limit: str, size: int, most: int) -> None:
    """Nothing, where `size` bytes are no more than a limit.

    Raises:
        LimitError: They are more.
    """
    if size > most:
        raise over(limit, format_bytes(most))
