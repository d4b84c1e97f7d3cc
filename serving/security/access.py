"""The access file: who there is, what they may, and the digests of their tokens.

[limits]                       # of all clients; all of them have defaults
statement_time = "10m"

[server]                       # of all clients together
statements_at_once = 64

[clients.reports]
read = ["orders", "github_*"]
push = ["orders"]
limits = {result_bytes = "1 GiB"}

[[tokens]]                     # `penstock token reports` writes these
client = "reports"
sha256 = "…"
expires = 2027-01-31T00:00:00Z
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationError

from config.errors import InvalidValueError, SettingsError
from config.findings import key_text
from config.model import Spec
from config.pipeline import Name
from serving.security.client import Client
from serving.security.limits import Limits, ServerLimits
from serving.security.tokens import Token

_PATTERN: Final = re.compile(r"[A-Za-z0-9_*-]+")
_LARGEST_BYTES: Final = 2**22


def _pattern(text: str) -> str:
    if _PATTERN.fullmatch(text):
        return text
    raise InvalidValueError(
        "no name of a pipeline", got=repr(text), expected="letters, digits, _ and -, and * for any of them"
    )


Patterns = tuple[Annotated[str, AfterValidator(_pattern)], ...]


class _Permissions(Spec):
    read: Patterns = ()
    push: Patterns = ()
    limits: Limits = Limits()


class _Document(Spec):
    limits: Limits = Limits()
    server: ServerLimits = ServerLimits()
    clients: Mapping[Name, _Permissions] = Field(default_factory=dict)
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True)
class Access:
    """What an access file says.

    Attributes:
        clients: By name.
        tokens: Of all clients, the expired ones too.
        server: What all clients together may take.
    """

    clients: Mapping[str, Client]
    tokens: tuple[Token, ...]
    server: ServerLimits


def read_access(file: Path) -> Access:
    """What the file says.

    Raises:
        SettingsError: It cannot be read, others than its owner can, or something in it is wrong.
    """
    return parse_access(private_text(file), file)


def parse_access(text: str, file: Path) -> Access:
    """What the text of an access file says; errors as of `read_access`."""
    try:
        document = _Document.model_validate(tomllib.loads(text))
        clients = {name: _client(name, one, document.limits) for name, one in document.clients.items()}
    except ValidationError as error:
        raise _wrong(error, file) from None
    except ValueError as error:
        raise SettingsError("the access file is no TOML", where=file, got=error) from error
    if strangers := {one.client for one in document.tokens} - set(clients):
        raise SettingsError(
            "a token of a client that the access file does not have",
            where=file,
            got=", ".join(sorted(strangers)),
            next_step="remove the token, or add [clients.NAME] with what the client may read",
        )
    return Access(clients, document.tokens, document.server)


def _client(name: str, one: _Permissions, limits: Limits) -> Client:
    given = limits.model_dump(exclude_unset=True) | one.limits.model_dump(exclude_unset=True)
    own = Limits.model_validate(given)
    return Client(name, one.read, one.push, own)


def private_text(file: Path) -> str:
    """The text of the file, which is its owner's alone; errors as of `read_access`."""
    try:
        with file.open("rb") as opened:
            _check_mode(os.fstat(opened.fileno()), file)
            data = opened.read(_LARGEST_BYTES)
    except OSError as error:
        raise SettingsError(
            "the access file cannot be read",
            where=file,
            got=error.strerror,
            next_step="make it: penstock token NAME --read '*'",
        ) from error
    return data.decode("utf-8", errors="replace")


def _check_mode(found: os.stat_result, file: Path) -> None:
    others = stat.S_IMODE(found.st_mode) & 0o077
    if others or found.st_uid not in (os.geteuid(), 0):
        raise SettingsError(
            "others can read or change the access file",
            where=file,
            got=f"mode {stat.S_IMODE(found.st_mode):04o}, user {found.st_uid}",
            expected=f"mode 0600, user {os.geteuid()}",
            next_step=f"chmod 600 {file}",
        )


def _wrong(error: ValidationError, file: Path) -> SettingsError:
    """The first thing that is wrong; never a value, which may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    cause = first.get("ctx", {}).get("error")
    expected = cause.expected if isinstance(cause, InvalidValueError) else first["msg"]
    where = f"{file}, key {key_text(first['loc'])}"
    return SettingsError("the access file is wrong", where=where, expected=expected)
