"""Plans between GetFlightInfo and DoGet, which follows at once: each is made once, and run once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Final

from serving.queries.query import Planned
from serving.security.client import Client

_KEPT: Final = 64
"""Of all clients; the oldest is forgotten first."""
_KEPT_S: Final = 10.0


class Plans:
    """Plans by the ids of their tickets; what is forgotten is planned again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Client, Planned]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, statement: str, client: Client, planned: Planned) -> None:
        """Keeps it, for a client that may what `client` may."""
        with self._lock:
            self._kept[statement] = time.monotonic(), client, planned
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def take(self, statement: str, client: Client) -> Planned | None:
        """The plan, once; None where it is too old, or what the client may has changed."""
        with self._lock:
            began_s, planner, planned = self._kept.pop(statement, (0.0, None, None))
        return planned if planner == client and time.monotonic() - began_s < _KEPT_S else None
