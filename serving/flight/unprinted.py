"""Errors whose traceback cannot be printed, for the one kind of request where pyarrow would send it.

Of all other requests, pyarrow sends the message of a `FlightError` alone. Of GetSchema it takes any exception
for a fault of the server, and formats it for the client, with the files of the server. It sends the message
alone where formatting fails; so these errors see to that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import pyarrow.flight as flight

P = ParamSpec("P")
R = TypeVar("R")


class _Nameless(type):
    def __getattribute__(cls, name: str) -> Any:
        if name == "__qualname__":  # what `traceback` asks of each class of errors
            raise RuntimeError("this error is not printed")
        return super().__getattribute__(name)


class UnprintedError(flight.FlightServerError, metaclass=_Nameless):  # type: ignore[misc] # as above
    """An error that tells its message, and cannot be formatted."""


def unprinted(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler whose errors cannot be formatted."""

    @wraps(handler)
    def handled(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except flight.FlightError as error:
            raise UnprintedError(str(error)) from None

    return handled
