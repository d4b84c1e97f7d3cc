"""Tokens: long random texts that say who a client is, kept as their SHA-256 alone.

A token has 256 random bits. Nobody finds it by trying, with a fast hash as little as with a slow one: scrypt
and argon2 slow down guesses at what people make up, and people make up none of these. A fast hash it is,
because it is computed for every request, also for those of strangers, who must not be able to keep the server
busy with slow ones.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from config.model import Spec
from config.pipeline import Name

_PREFIX: Final = "penstock_"
"""So that those who look for leaked secrets know one when they see it."""
_BYTES: Final = 32


class Token(Spec):
    """A token, as the access file keeps it.

    Attributes:
        client: Whose it is.
        sha256: Of the token, in hexadecimal.
        expires: From this moment on it is worth nothing.
    """

    client: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    expires: AwareDatetime


def new_token() -> str:
    """A new one; whoever loses it needs another one, since nobody keeps it."""
    return _PREFIX + secrets.token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """What is kept of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(token: str, tokens: Iterable[Token], now: datetime) -> Token | None:
    """The one that `token` is, unless it has expired; takes as long whichever it is, and if it is none."""
    asked, found = digest(token), None
    for one in tokens:
        if hmac.compare_digest(one.sha256, asked) & (one.expires > now):
            found = one
    return found
