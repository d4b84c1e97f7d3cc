"""The server: requests of Flight SQL to the functions that answer them.

GetFlightInfo is answered with a plan: the schema, and a ticket for each part of the answer; DoGet with the
answer, streamed as the client takes it. DoPut brings the parameters of a prepared statement; DoAction
prepares and closes them, and ends a session.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from serving.errors import AbandonedError, ProtocolError
from serving.flight import session
from serving.flight.by_name import flights, whole_table
from serving.flight.described import Described, described, not_served
from serving.flight.parameters import read_parameters
from serving.flight.prepared import PreparedStatements
from serving.flight.refused import refused
from serving.flight.statements import Statements
from serving.flight.told import answering
from serving.flight.unprinted import unprinted
from serving.protocol import flight_pb2
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack, parse, unpack
from serving.push.push import Pushes
from serving.push.request import BATCH, BatchHeader, PushRequest, answer, of_ingest, of_path
from serving.queries.query import Engine, Statement
from serving.security.door import Door
from serving.security.gate import GATE, Gate, NoHandshake, client_of
from serving.security.limits import ServerLimits
from serving.security.turns import Turns


class FlightSqlServer(flight.FlightServerBase):  # type: ignore[misc] # pyarrow has no types
    """Serves the tables of an engine's catalog, read only; starts as it is made.

    Args:
        engine: Answers statements.
        location: Where to listen.
        door: Who may come in; anybody, to read, unless given.
        options: Of `FlightServerBase`.
    """

    def __init__(self, engine: Engine, location: str, door: Door | None = None, **options: Any) -> None:
        middleware = {GATE: Gate(door), BATCH: BatchHeader()}
        super().__init__(location, auth_handler=NoHandshake(), middleware=middleware, **options)
        self._engine = engine
        self._pushes = Pushes(engine.catalog)
        limits = ServerLimits if door is None else door.server_limits
        self._statements = Statements(engine, Turns(limits), planning=Turns(limits))
        self._prepared = PreparedStatements()

    def stop(self, drain_s: float) -> bool:
        """Takes no more requests, and ends those that still run after `drain_s`; whether all have ended.

        A client that fetches nothing any more holds its request: it may take as long again, and no longer.
        """
        ending = threading.Thread(target=self.shutdown, name="shutdown", daemon=True)
        ending.start()
        ending.join(drain_s)
        self._statements.running.end()
        ending.join(drain_s)
        return not ending.is_alive()

    @answering
    def get_flight_info(self, context: Any, descriptor: Any) -> Any:
        """The schema of an answer, and where it is to be had."""
        if descriptor.path:
            return self._statements.info(context, descriptor, whole_table(descriptor.path))
        command = unpack(descriptor.command or b"")
        if isinstance(command, messages.CommandStatementQuery):
            return self._statements.info(context, descriptor, Statement(command.query))
        if isinstance(command, messages.CommandPreparedStatementQuery):
            return self._statements.info(context, descriptor, self._bound(context, command))
        return _flight_info(self._described(context, command).schema, descriptor, [descriptor.command])

    @unprinted
    @answering
    def get_schema(self, context: Any, descriptor: Any) -> Any:
        """The schema alone."""
        if descriptor.path:
            return flight.SchemaResult(self._statements.schema(context, whole_table(descriptor.path)))
        command = unpack(descriptor.command or b"")
        if isinstance(command, messages.CommandStatementQuery):
            return flight.SchemaResult(self._statements.schema(context, Statement(command.query)))
        if isinstance(command, messages.CommandPreparedStatementQuery):
            return flight.SchemaResult(self._statements.schema(context, self._bound(context, command)))
        return flight.SchemaResult(self._described(context, command).schema)

    @answering
    def list_flights(self, context: Any, criteria: bytes) -> Iterator[Any]:
        """The tables that the client may read, each under the path that is its name, without endpoints.

        Args:
            context: Of the request.
            criteria: The names, as LIKE has them; empty for all.
        """
        return flights(self._engine.catalog, client_of(context), criteria)

    @answering
    def do_exchange(self, _context: Any, _descriptor: Any, _reader: Any, _writer: Any) -> None:
        """Never: nothing is answered to rows but the receipt of a push."""
        raise ProtocolError("not supported", got="DoExchange", expected="DoGet, or DoPut to push rows")

    @answering
    def do_get(self, context: Any, ticket: Any) -> Any:
        """The rows of a ticket."""
        command = unpack(ticket.ticket)
        if isinstance(command, messages.TicketStatementQuery):
            return self._statements.of_ticket(context, command.statement_handle)
        if isinstance(command, messages.CommandPreparedStatementQuery):
            return self._statements.stream(context, self._bound(context, command))
        return flight.RecordBatchStream(self._described(context, command).table())

    @answering
    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Rows for a pipeline, or the parameters of a prepared statement."""
        if descriptor.path:
            self._push(of_path(descriptor.path), context, reader, writer)
            return
        command = unpack(descriptor.command or b"")
        if isinstance(command, messages.CommandStatementIngest):
            self._push(of_ingest(command, context), context, reader, writer)
            return
        if not isinstance(command, messages.CommandPreparedStatementQuery):
            raise not_served(command)
        batch = read_parameters(reader, client_of(context).limits.parameter_bytes)
        handle = command.prepared_statement_handle
        self._prepared.bind(self._client(context), handle, batch)
        answer = messages.DoPutPreparedStatementResult(prepared_statement_handle=handle)
        writer.write(pa.py_buffer(answer.SerializeToString()))

    def _push(self, request: PushRequest, context: Any, reader: Any, writer: Any) -> None:
        receipt = self._pushes.take(request, client_of(context), reader, context)
        try:
            writer.write(pa.py_buffer(answer(receipt, request)))
        except OSError as error:
            raise AbandonedError("the batch is stored, and the client has gone") from error

    @answering
    def do_action(self, context: Any, action: Any) -> Iterator[Any]:
        """One of `list_actions`."""
        actions = {
            "CreatePreparedStatement": self._prepare,
            "ClosePreparedStatement": self._close,
            "CancelFlightInfo": self._cancel,
            "CancelQuery": self._cancel_query,
            "CloseSession": self._close_session,
            "GetSessionOptions": self._session_options,
            "SetSessionOptions": self._set_session_options,
        }
        if action.type not in actions:
            known = ProtocolError("no such action", got=action.type, expected=", ".join(actions))
            raise refused(action.type) or known
        return iter([flight.Result(one) for one in actions[action.type](context, action.body.to_pybytes())])

    def list_actions(self, _context: Any) -> list[Any]:
        """What `do_action` takes."""
        return [
            flight.ActionType("CreatePreparedStatement", "keeps a statement, and gives its handle"),
            flight.ActionType("ClosePreparedStatement", "forgets it"),
            flight.ActionType("CancelFlightInfo", "ends a statement, also where its rows are being fetched"),
            flight.ActionType("CancelQuery", "the same, as older clients ask for it"),
            flight.ActionType("CloseSession", "forgets all that the client has by this connection"),
            flight.ActionType("GetSessionOptions", "the catalog and the schema"),
            flight.ActionType("SetSessionOptions", "takes the ones that are there, no others"),
        ]

    def _prepare(self, context: Any, body: bytes) -> list[bytes]:
        asked = _from_any(messages.ActionCreatePreparedStatementRequest, body)
        statement, limits = Statement(asked.query), client_of(context).limits
        schema, parameters = self._statements.prepared(context, statement)
        handle = self._prepared.keep(
            client_of(context).name, statement, limits.prepared_statements, context.peer()
        )
        answer = messages.ActionCreatePreparedStatementResult(
            prepared_statement_handle=handle,
            dataset_schema=schema.serialize().to_pybytes(),
            parameter_schema=parameters.serialize().to_pybytes(),
            is_update=False,
        )
        return [pack(answer)]

    def _close(self, context: Any, body: bytes) -> list[bytes]:
        asked = _from_any(messages.ActionClosePreparedStatementRequest, body)
        self._prepared.close(self._client(context), asked.prepared_statement_handle)
        return []

    def _cancel(self, context: Any, body: bytes) -> list[bytes]:
        asked = parse(flight_pb2.CancelFlightInfoRequest, body)
        self._statements.cancel(context, asked.info)
        done = flight_pb2.CancelFlightInfoResult(status=flight_pb2.CANCEL_STATUS_CANCELLED)
        return [done.SerializeToString()]

    def _cancel_query(self, context: Any, body: bytes) -> list[bytes]:
        asked = _from_any(messages.ActionCancelQueryRequest, body)
        self._statements.cancel(context, asked.info)
        result = messages.ActionCancelQueryResult
        return [pack(result(result=result.CANCEL_RESULT_CANCELLED))]

    def _close_session(self, context: Any, _body: bytes) -> list[bytes]:
        self._prepared.close_all(self._client(context), context.peer())
        return [session.closed()]

    def _session_options(self, _context: Any, _body: bytes) -> list[bytes]:
        return [session.options()]

    def _set_session_options(self, _context: Any, body: bytes) -> list[bytes]:
        return [session.set_options(parse(flight_pb2.SetSessionOptionsRequest, body))]

    def _described(self, context: Any, command: Any) -> Described:
        return described(command, self._engine.catalog, client_of(context))

    def _bound(self, context: Any, command: messages.CommandPreparedStatementQuery) -> Statement:
        return self._prepared.get(self._client(context), command.prepared_statement_handle)

    def _client(self, context: Any) -> str:
        return client_of(context).name


def _flight_info(schema: Any, descriptor: Any, tickets: list[bytes]) -> Any:
    endpoints = [flight.FlightEndpoint(ticket, []) for ticket in tickets]
    return flight.FlightInfo(schema, descriptor, endpoints, -1, -1)


def _from_any(kind: type[Any], body: bytes) -> Any:
    message = unpack(body)
    return message if isinstance(message, kind) else parse(kind, body)
