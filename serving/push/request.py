"""What a client says when it pushes, and what it is told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import pyarrow.flight as flight

from serving.errors import ProtocolError
from serving.protocol import flight_sql_pb2 as messages
from serving.push.errors import PushError

COMPLETE: Final = b"complete"
"""What a client sends behind its last rows. Without it a client that fails, and is tidied up by its runtime,
looks like one that has ended."""
HEADER: Final = "penstock-batch"
"""Of the request: the id of the batch, for those who ingest by Flight SQL, whose messages have none."""
BATCH: Final = "batch"
"""The name that the middleware is known by."""
_Options = messages.CommandStatementIngest.TableDefinitionOptions


@dataclass(frozen=True)
class PushRequest:
    """Rows for a pipeline.

    Attributes:
        batch: The id that the client gives them.
        says_complete: Whether the client sends `COMPLETE`; the drivers of Flight SQL cancel in place of it.
    """

    pipeline: str
    batch: str
    says_complete: bool


@dataclass(frozen=True)
class Receipt:
    """What is stored, durably.

    Attributes:
        pipeline: Its name.
        id: As the client gave it.
        file: Relative to the landing zone.
        rows: How many.
        bytes: Of Arrow, as they came.
        duplicate: Whether it had been stored before.
    """

    pipeline: str
    id: str
    file: str
    rows: int
    bytes: int
    duplicate: bool


def answer(receipt: Receipt, request: PushRequest) -> bytes:
    """JSON; for those who ingest by Flight SQL its own message."""
    if request.says_complete:
        return json.dumps(asdict(receipt)).encode()
    return messages.DoPutUpdateResult(record_count=receipt.rows).SerializeToString()


def of_path(path: list[bytes]) -> PushRequest:
    """A push by `FlightDescriptor.for_path(pipeline, id)`.

    Raises:
        ProtocolError: The path is another one.
    """
    try:
        pipeline, batch = (part.decode() for part in path)
    except ValueError:
        raise ProtocolError(
            "not a path that rows can be pushed to",
            got=f"{len(path)} parts",
            expected="two, in UTF-8: the name of a pipeline, and an id for the batch",
        ) from None
    return PushRequest(pipeline, batch, says_complete=True)


def of_ingest(command: messages.CommandStatementIngest, context: Any) -> PushRequest:
    """A push by the message that Flight SQL has for it.

    Raises:
        PushError: It is to make or to replace a table, or there is no id.
    """
    if command.table_definition_options.if_exists != _Options.TABLE_EXISTS_OPTION_APPEND or command.temporary:
        raise PushError(
            "rows can only be appended, and to what a pipeline makes",
            got="another mode of ingestion",
            expected='mode="append"',
        )
    return PushRequest(command.table, _of_header(context.get_middleware(BATCH).ids), says_complete=False)


def _of_header(ids: frozenset[str]) -> str:
    if len(ids) != 1:
        raise PushError(
            "the batch has no id of its own, so that a repetition would store it twice",
            got=f"{len(ids)} ids",
            expected=f"a header `{HEADER}` with an id, another one for each batch",
            next_step="with ADBC: set the option adbc.flight.sql.rpc.call_header."
            f"{HEADER} of a new cursor for each batch",
        )
    (batch,) = ids
    return batch


class BatchHeader(flight.ServerMiddlewareFactory):  # type: ignore[misc] # pyarrow has no types
    """Keeps the header of each request."""

    def start_call(self, _info: Any, headers: Any) -> _Header:
        """The request with its header."""
        return _Header(frozenset(map(str, headers.get(HEADER) or ())))


class _Header(flight.ServerMiddleware):  # type: ignore[misc] # as above
    def __init__(self, ids: frozenset[str]) -> None:
        self.ids = ids
