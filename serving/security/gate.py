"""Where requests come in: each is told whose it is, before anything else is done."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow.flight as flight

from serving.errors import as_flight
from serving.security.client import ANYBODY, Client
from serving.security.door import Door

GATE: Final = "gate"
"""The name that the middleware is known by."""
REQUESTS: Final = logging.getLogger("penstock.requests")
"""Tells of each request whose it was and what became of it; of statements their hash and their tables."""
_HEADER: Final = "authorization"


class Admitted(flight.ServerMiddleware):  # type: ignore[misc] # pyarrow has no types
    """A request of a client; answers a handshake with the bearer token of a new session."""

    def __init__(self, client: Client, session: str | None, method: str) -> None:
        self.client = client
        self._session, self._method = session, method
        self._began_s = time.monotonic()

    def sending_headers(self) -> dict[str, str]:
        """What goes back."""
        return {} if self._session is None else {_HEADER: f"Bearer {self._session}"}

    def call_completed(self, exception: BaseException | None) -> None:
        """Logs who asked, how long it took, and what became of it."""
        took_ms = (time.monotonic() - self._began_s) * 1000
        outcome = "ok" if exception is None else type(exception).__name__
        REQUESTS.info(
            "%s %s: %s after %.0f ms", self.client.name or "anybody", self._method, outcome, took_ms
        )


class Gate(flight.ServerMiddlewareFactory):  # type: ignore[misc] # as above
    """Lets requests in by a door; all of them where there is none."""

    def __init__(self, door: Door | None) -> None:
        self._door = door

    def start_call(self, info: Any, headers: Mapping[str, Sequence[str]]) -> Admitted:
        """The request with its client.

        Raises:
            flight.FlightUnauthenticatedError: Nobody knows whose it is.
        """
        try:
            return self._admitted(info.method, headers)
        except Exception as error:  # noqa: BLE001 (anything else would send its traceback)
            REQUESTS.warning("somebody %s: %s", info.method.name, type(error).__name__)
            raise as_flight(error) from None

    def _admitted(self, method: Any, headers: Mapping[str, Sequence[str]]) -> Admitted:
        is_handshake = method == flight.FlightMethod.HANDSHAKE
        if self._door is None:
            return Admitted(ANYBODY, "anybody" if is_handshake else None, method.name)
        given = headers.get(_HEADER) or ()
        header = given[0] if len(given) == 1 else None
        client = self._door.admit(header)
        return Admitted(client, self._door.begin(header) if is_handshake else None, method.name)


class NoHandshake(flight.ServerAuthHandler):  # type: ignore[misc] # as above
    """Has Flight take a handshake at all; who it is, the gate has asked by then."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        """Asks nothing."""

    def is_valid(self, token: bytes) -> bytes:
        """Asks nothing."""
        return b""


def client_of(context: Any) -> Client:
    """The client of the request that a `ServerCallContext` is of."""
    client: Client = context.get_middleware(GATE).client
    return client
