"""What a client is told where a request fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import pyarrow.flight as flight

from serving.errors import as_flight

_LOG: Final = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def answering(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler of requests that raises nothing but what clients may see."""

    @wraps(handler)
    def handled(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 (of a panic, too, the traceback would go to the client)
            raise told(error) from None

    return handled


def told(error: BaseException) -> flight.FlightError:
    """The error as clients may see it; what is no error of ours goes to the log in full."""
    shown = as_flight(error)
    if isinstance(shown, flight.FlightInternalError):
        _LOG.error("a request failed", exc_info=error)
    return shown
