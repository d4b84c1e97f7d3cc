"""The errors of serving, and how all errors reach a client.

ServingError                   base of all of them; final: the same call fails again
├── ProtocolError              a request that is none of Flight SQL, or none that is served
├── StatementError             a statement that cannot be planned or run, or that may not
├── UnknownTableError          a name that is none of a table that the client may see
├── UnservedTableError         a table that is there, and cannot be served safely
├── AccessError                a client that may not do what it asks for
├── UnknownClientError         a client that did not say who it is, or not truly
├── LimitError                 a limit of time, size or number is reached
└── AbandonedError             the client went away, or cancelled

Clients see the message alone: no traceback, no path, no URI of storage, no secret.
"""

from __future__ import annotations

import re
from typing import Final

import pyarrow.flight as flight

from config.errors import PenstockError


class ServingError(PenstockError):
    """A request cannot be answered."""


class ProtocolError(ServingError):
    """Not a request of Flight SQL, or none that is served."""


class StatementError(ServingError):
    """A statement cannot be planned or run, or is no query."""


class UnknownTableError(ServingError):
    """There is no such table, or none that this client may see: it cannot tell which."""


class UnservedTableError(ServingError):
    """The table is of a kind that is not served, or its log leads elsewhere."""


class AccessError(ServingError):
    """The client may not do this."""


class UnknownClientError(ServingError):
    """Nobody knows who the client is."""


class LimitError(ServingError):
    """More than a client may have: time, bytes, or requests at once."""


class AbandonedError(ServingError):
    """Nobody waits for the answer any more."""


_KINDS: dict[type[ServingError], type[flight.FlightError]] = {
    AccessError: flight.FlightUnauthorizedError,
    UnknownClientError: flight.FlightUnauthenticatedError,
    LimitError: flight.FlightTimedOutError,
    AbandonedError: flight.FlightCancelledError,
}


_LONGEST: Final = 2_000
"""Characters of a message: it goes into a header, and may hold names that a client made up."""
_UNPRINTABLE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def as_flight(error: BaseException) -> flight.FlightError:
    """The error that a client gets: our own say what they say, of all others only that they happened.

    Anything but a `FlightError` that leaves a handler would send its traceback to the client.
    """
    if isinstance(error, flight.FlightError):
        return error
    if isinstance(error, ServingError):
        kind = next((_KINDS[one] for one in type(error).__mro__ if one in _KINDS), flight.FlightServerError)
        return kind(_shown(str(error)))
    if isinstance(error, PenstockError) and error.retryable:
        return flight.FlightUnavailableError("the storage of the table is away; ask again")
    if isinstance(error, PenstockError):
        return flight.FlightInternalError("the table cannot be read; the log of the server says why")
    return flight.FlightInternalError("the server failed; its log says how")


def _shown(text: str) -> str:
    """Short, and without what is no text."""
    plain = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return plain if len(plain) <= _LONGEST else plain[:_LONGEST] + " …"
