"""Who may come in: bearer tokens, and sessions that began with a user and a token."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from config.errors import SettingsError
from serving.errors import UnknownClientError
from serving.security.access import Access, read_access
from serving.security.client import Client
from serving.security.limits import ServerLimits
from serving.security.tokens import Token, digest, find

IDLE: Final = timedelta(hours=1)
"""A session that was not used for so long has ended."""
LONGEST: Final = timedelta(hours=24)
"""No session is longer, whether it is used or not; nor than its token is good for."""
_MOST_SESSIONS: Final = 1_000
"""Of a client; the one that was used longest ago ends first."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Session:
    token: Token
    ends: datetime
    used: datetime


class Door:
    """Lets clients in by an access file, which is read again whenever it has changed.

    Safe to be used by several threads.

    Args:
        file: The access file.
        now: The clock, UTC.

    Raises:
        SettingsError: The file cannot be used. Once it could, a file that cannot changes nothing but the log.
    """

    def __init__(self, file: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file, self._now = file, now
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._seen = _mark(file)
        self._access = read_access(file)

    def access(self) -> Access:
        """What the file says now."""
        with self._lock:
            if (mark := _mark(self._file)) != self._seen:
                self._seen = mark
                self._read_again()
            return self._access

    def server_limits(self) -> ServerLimits:
        """What all clients together may take."""
        return self.access().server

    def admit(self, authorization: str | None) -> Client:
        """The client that a header `authorization` is from.

        Raises:
            UnknownClientError: It says nothing that is known, or no longer.
        """
        kind, _, text = (authorization or "").partition(" ")
        match kind.lower():
            case "bearer":
                return self._client(self._of_session(text.strip()) or self._of_token(text.strip()))
            case "basic":
                return self._client(self._of_user(text.strip()))
        raise unknown_client()

    def begin(self, authorization: str | None) -> str:
        """A session for whoever may come in: the token that it is known by. Errors as of `admit`."""
        kind, _, text = (authorization or "").partition(" ")
        token = self._of_user(text.strip()) if kind.lower() == "basic" else None
        self._client(token)
        if token is None:
            raise unknown_client()
        key, now = secrets.token_urlsafe(32), self._now()
        with self._lock:
            self._sessions[digest(key)] = _Session(token, min(now + LONGEST, token.expires), now)
            own = [one for one, session in self._sessions.items() if session.token.client == token.client]
            for oldest in own[:-_MOST_SESSIONS]:
                del self._sessions[oldest]
        return key

    def _of_token(self, text: str) -> Token | None:
        return find(text, self.access().tokens, self._now())

    def _of_user(self, text: str) -> Token | None:
        try:
            padded = text + "=" * (-len(text) % 4)  # which clients in Go leave out
            user, _, password = base64.b64decode(padded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        token = self._of_token(password)
        same = token is not None and hmac.compare_digest(token.client.encode(), user.encode())
        return token if same else None

    def _of_session(self, text: str) -> Token | None:
        key, tokens, now = digest(text), self.access().tokens, self._now()
        with self._lock:
            session = self._sessions.pop(key, None)
            if session is None or now >= session.ends or now - session.used >= IDLE:
                return None
            if session.token not in tokens:
                return None  # it was taken back
            self._sessions[key] = replace(session, used=now)
            return session.token

    def _client(self, token: Token | None) -> Client:
        client = None if token is None else self.access().clients.get(token.client)
        if client is None:
            raise unknown_client()
        return client

    def _read_again(self) -> None:
        try:
            self._access = read_access(self._file)
        except SettingsError as error:
            _LOG.error("the access file has changed and cannot be used; what it said before holds: %s", error)


def unknown_client() -> UnknownClientError:
    """The same for all who may not come in: nobody learns what was wrong."""
    return UnknownClientError(
        "nobody knows who is asking",
        expected="a header `authorization: Bearer TOKEN`, or user and token; one that has not expired",
        next_step="ask the operator for a token: penstock token",
    )


def _mark(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
