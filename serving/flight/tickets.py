"""Statements as tickets: opaque to clients, true for as long as the server runs.

A ticket holds all there is to know of a statement, with the versions that its tables were pinned at, so that
the server remembers nothing between the plan and the answer. It is signed: a client can change nothing in it.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import b64decode, b64encode
from typing import Any, Final

import pyarrow as pa

from serving.errors import ProtocolError
from serving.queries.pinned import Pin
from serving.queries.query import Statement

_DIGEST: Final = "sha256"
_DIGEST_BYTES: Final = 32


class Tickets:
    """Makes tickets and reads them; each server has a key of its own."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_DIGEST_BYTES)

    def make(self, statement: Statement, client: str) -> tuple[str, list[bytes]]:
        """The id of `statement`, and a ticket for each part of it, for the client alone that asked for it."""
        name = secrets.token_hex(8)
        told = {
            "id": name,
            "client": client,
            "sql": statement.sql,
            "parameters": _to_text(statement.parameters),
            "pins": statement.pins,
        }
        parts = [{**told, "part": [part, statement.parts]} for part in range(statement.parts)]
        return name, [self._signed(json.dumps(one).encode()) for one in parts]

    def read(self, ticket: bytes, client: str) -> tuple[str, Statement]:
        """The id of the statement, which all of its parts have; and the part of a ticket.

        Raises:
            ProtocolError: This server has made no such ticket, or for somebody else.
        """
        signature, text = ticket[:_DIGEST_BYTES], ticket[_DIGEST_BYTES:]
        if not hmac.compare_digest(signature, self._signature(text)):
            raise _no_ticket()
        told = json.loads(text)
        if told["client"] != client:
            raise _no_ticket()
        pins = {name: Pin(*pin) for name, pin in told["pins"].items()}
        return told["id"], Statement(told["sql"], _from_text(told["parameters"]), pins, *told["part"])

    def _signed(self, text: bytes) -> bytes:
        return self._signature(text) + text

    def _signature(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, _DIGEST)


def _to_text(parameters: Any) -> str | None:
    if parameters is None:
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, parameters.schema) as writer:
        writer.write_batch(parameters)
    return b64encode(sink.getvalue()).decode("ascii")


def _from_text(text: str | None) -> Any:
    return None if text is None else pa.ipc.open_stream(b64decode(text)).read_next_batch()


def _no_ticket() -> ProtocolError:
    return ProtocolError(
        "not a ticket of this server",
        expected="a ticket that GetFlightInfo gave to this client, since the server was started",
        next_step="ask GetFlightInfo again",
    )
