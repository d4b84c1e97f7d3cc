"""Sessions as clients see them: options that have one value each, and an end.

The server keeps no options. What tools set before their first statement is the catalog and the schema: theirs
are the only ones there are.
"""

from __future__ import annotations

from typing import Final

from serving.protocol import flight_pb2 as messages
from serving.queries.query import CATALOG, SCHEMA

_OPTIONS: Final = {"catalog": CATALOG, "schema": SCHEMA}
_Result = messages.SetSessionOptionsResult


def options() -> bytes:
    """The answer to GetSessionOptions."""
    values = {name: messages.SessionOptionValue(string_value=value) for name, value in _OPTIONS.items()}
    return messages.GetSessionOptionsResult(session_options=values).SerializeToString()


def set_options(asked: messages.SetSessionOptionsRequest) -> bytes:
    """The answer to SetSessionOptions: which of them cannot be set so; none where all have that value."""
    refused = {name: _refused(name, value) for name, value in asked.session_options.items()}
    errors = {name: _Result.Error(value=error) for name, error in refused.items() if error is not None}
    return _Result(errors=errors).SerializeToString()


def closed() -> bytes:
    """The answer to CloseSession."""
    return messages.CloseSessionResult(status=messages.CloseSessionResult.CLOSED).SerializeToString()


def _refused(name: str, value: messages.SessionOptionValue) -> _Result.ErrorValue | None:
    if name not in _OPTIONS:
        return _Result.INVALID_NAME
    unset = value.WhichOneof("option_value") is None
    return None if unset or value.string_value == _OPTIONS[name] else _Result.INVALID_VALUE
