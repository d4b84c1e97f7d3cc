"""The server: requests of Flight SQL to the functions that answer them.

GetFlightInfo is answered with a plan: the schema, and a ticket for each part of the answer; DoGet with the
answer, streamed as the client takes it. DoPut brings the parameters of a prepared statement; DoAction
prepares and closes them, and ends a session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import pyarrow as pa
import pyarrow.flight as flight

from serving.errors import ProtocolError, as_flight
from serving.flight.described import Described, described, not_served
from serving.flight.prepared import PreparedStatements
from serving.flight.tickets import Tickets
from serving.protocol import flight_pb2
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack, parse, unpack
from serving.queries.query import Engine, Planned, Statement
from serving.security.door import Door
from serving.security.gate import GATE, Gate, NoHandshake, client_of

_LOG: Final = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


def _answering(handler: Callable[P, R]) -> Callable[P, R]:
    """Errors as clients may see them; what is no error of ours goes to the log in full."""

    @wraps(handler)
    def handled(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 (anything else would send its traceback)
            raise _told(error) from None

    return handled


def _told(error: Exception) -> flight.FlightError:
    told = as_flight(error)
    if isinstance(told, flight.FlightInternalError):
        _LOG.error("a request failed", exc_info=error)
    return told


class FlightSqlServer(flight.FlightServerBase):  # type: ignore[misc] # pyarrow has no types
    """Serves the tables of an engine's catalog, read only; starts as it is made.

    Args:
        engine: Answers statements.
        location: Where to listen.
        door: Who may come in; anybody, to read, unless given.
        options: Of `FlightServerBase`.
    """

    def __init__(self, engine: Engine, location: str, door: Door | None = None, **options: Any) -> None:
        super().__init__(location, auth_handler=NoHandshake(), middleware={GATE: Gate(door)}, **options)
        self._engine = engine
        self._tickets = Tickets()
        self._prepared = PreparedStatements()

    @_answering
    def get_flight_info(self, context: Any, descriptor: Any) -> Any:
        """The schema of an answer, and where it is to be had."""
        command = unpack(descriptor.command or b"")
        if isinstance(command, messages.CommandStatementQuery):
            return self._info(context, descriptor, Statement(command.query))
        if isinstance(command, messages.CommandPreparedStatementQuery):
            return self._info(context, descriptor, self._bound(context, command))
        return _flight_info(self._described(context, command).schema, descriptor, [descriptor.command])

    @_answering
    def get_schema(self, context: Any, descriptor: Any) -> Any:
        """The schema alone."""
        command = unpack(descriptor.command or b"")
        if isinstance(command, messages.CommandStatementQuery):
            return flight.SchemaResult(self._plan(context, Statement(command.query)).schema)
        if isinstance(command, messages.CommandPreparedStatementQuery):
            return flight.SchemaResult(self._plan(context, self._bound(context, command)).schema)
        return flight.SchemaResult(self._described(context, command).schema)

    @_answering
    def do_get(self, context: Any, ticket: Any) -> Any:
        """The rows of a ticket."""
        command = unpack(ticket.ticket)
        if isinstance(command, messages.TicketStatementQuery):
            statement = self._tickets.read(command.statement_handle, self._client(context))
            return self._stream(context, self._plan(context, statement))
        if isinstance(command, messages.CommandPreparedStatementQuery):
            return self._stream(context, self._plan(context, self._bound(context, command)))
        return flight.RecordBatchStream(self._described(context, command).table())

    @_answering
    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """The parameters of a prepared statement."""
        command = unpack(descriptor.command or b"")
        if not isinstance(command, messages.CommandPreparedStatementQuery):
            raise not_served(command)
        table = reader.read_all()
        (batch,) = table.combine_chunks().to_batches() or [None]
        handle = command.prepared_statement_handle
        self._prepared.bind(self._client(context), handle, batch)
        answer = messages.DoPutPreparedStatementResult(prepared_statement_handle=handle)
        writer.write(pa.py_buffer(answer.SerializeToString()))

    @_answering
    def do_action(self, context: Any, action: Any) -> Iterator[Any]:
        """One of `list_actions`."""
        actions = {
            "CreatePreparedStatement": self._prepare,
            "ClosePreparedStatement": self._close,
            "CloseSession": self._close_session,
        }
        if action.type not in actions:
            raise ProtocolError("no such action", got=action.type, expected=", ".join(actions))
        return iter([flight.Result(one) for one in actions[action.type](context, action.body.to_pybytes())])

    def list_actions(self, _context: Any) -> list[Any]:
        """What `do_action` takes."""
        return [
            flight.ActionType("CreatePreparedStatement", "keeps a statement, and gives its handle"),
            flight.ActionType("ClosePreparedStatement", "forgets it"),
            flight.ActionType("CloseSession", "forgets all that the client has"),
        ]

    def _prepare(self, context: Any, body: bytes) -> list[bytes]:
        asked = _from_any(messages.ActionCreatePreparedStatementRequest, body)
        statement = Statement(asked.query)
        planned = self._plan(context, statement)
        handle = self._prepared.keep(self._client(context), statement)
        answer = messages.ActionCreatePreparedStatementResult(
            prepared_statement_handle=handle,
            dataset_schema=planned.schema.serialize().to_pybytes(),
            is_update=False,
        )
        return [pack(answer)]

    def _close(self, context: Any, body: bytes) -> list[bytes]:
        asked = _from_any(messages.ActionClosePreparedStatementRequest, body)
        self._prepared.close(self._client(context), asked.prepared_statement_handle)
        return []

    def _close_session(self, context: Any, _body: bytes) -> list[bytes]:
        self._prepared.close_all(self._client(context))
        closed = flight_pb2.CloseSessionResult(status=flight_pb2.CloseSessionResult.CLOSED)
        return [closed.SerializeToString()]

    def _described(self, context: Any, command: Any) -> Described:
        return described(command, self._engine.catalog, self._allowed(context))

    def _info(self, context: Any, descriptor: Any, statement: Statement) -> Any:
        planned = self._plan(context, statement)
        pinned = Statement(statement.sql, statement.parameters, planned.versions)
        handle = self._tickets.make(pinned, self._client(context))
        ticket = pack(messages.TicketStatementQuery(statement_handle=handle))
        return _flight_info(planned.schema, descriptor, [ticket])

    def _plan(self, context: Any, statement: Statement) -> Planned:
        return self._engine.plan(statement, self._allowed(context))

    def _stream(self, context: Any, planned: Planned) -> Any:
        return flight.GeneratorStream(planned.schema, self._drawn(context, planned))

    def _drawn(self, context: Any, planned: Planned) -> Generator[Any]:
        try:
            for batch in planned.batches():
                if context.is_cancelled():
                    return
                yield batch
        except Exception as error:  # noqa: BLE001 (as before)
            raise _told(error) from None

    def _bound(self, context: Any, command: messages.CommandPreparedStatementQuery) -> Statement:
        return self._prepared.get(self._client(context), command.prepared_statement_handle)

    def _client(self, context: Any) -> str:
        return client_of(context).name

    def _allowed(self, context: Any) -> Callable[[str], bool]:
        return client_of(context).may_read


def _flight_info(schema: Any, descriptor: Any, tickets: list[bytes]) -> Any:
    endpoints = [flight.FlightEndpoint(ticket, []) for ticket in tickets]
    return flight.FlightInfo(schema, descriptor, endpoints, -1, -1)


def _from_any(kind: type[Any], body: bytes) -> Any:
    message = unpack(body)
    return message if isinstance(message, kind) else parse(kind, body)
